import type { Endpoint } from "../../connection/settings.ts";
import { onAbort, throwIfAborted } from "../../core/abort.ts";
import { withCaller } from "../../core/caller.ts";
import { checkOptions } from "../../core/checks.ts";
import { begin, Deferred, handled } from "../../core/deferred.ts";
import { TypedEmitter } from "../../core/typed-emitter.ts";
import { diagnostics } from "../../diagnostics.ts";
import { ArgumentError, ClosedError, type ServerError } from "../../errors.ts";
import { latin1, type NameInput } from "../../names.ts";
import { Delivery, type Events } from "../delivery/delivery.ts";
import { Readers } from "../delivery/reading.ts";
import type { Registration } from "../delivery/reports.ts";
import type { ConsumerStats } from "../delivery/stats.ts";
import type { Message } from "../model/message.ts";
import type { State } from "../model/state.ts";
import type {
  AnyItem,
  ChannelMessageOf,
  Consumer,
  ConsumerEvents,
  DeliveredOf,
  GetMessageOptions,
  Handler,
  Handlers,
  ItemIterator,
  MessagesOptions,
  NameOf,
  ReceiveOptions,
  ShownHandler,
  SubscribeOptions,
} from "../model/types.ts";
import { Engine } from "../subscriptions/engine.ts";
import type { Kind } from "../subscriptions/entry.ts";
import type { Placement, PlacementHost } from "../subscriptions/placement.ts";
import type { SubscriptionsOwner } from "../subscriptions/subscriptions.ts";
import { drainOptions, readSubscribe, readUnsubscribe, type Wanted } from "./arguments.ts";
import { engineOptions } from "./engine-options.ts";
import { both, initial, named } from "./named.ts";
import { type AnyPubSubOptions, defaults } from "./options.ts";
import type { ConsumerSource } from "./source.ts";
import { deniedView, wantedView } from "./views.ts";

/** What makes the classes differ. */
export interface SubscriberKind {
  /** What `channels` are to the server. */
  readonly channels: "channel" | "shard";
  readonly placement: (host: PlacementHost) => Placement;
}

/** What every consumer has: channels, the ways to read, and its end. The classes add what is their own. */
export abstract class Subscriber<Item extends AnyItem = Message>
  extends TypedEmitter<ConsumerEvents<NameOf<Item>>>
  implements Consumer<Item>
{
  readonly #source: ConsumerSource;
  readonly #channels: "channel" | "shard";
  readonly #delivery: Delivery;
  readonly #reading: Readers;
  readonly #subscriptionTimeout: number;
  readonly #unsubscriptionTimeout: number;
  readonly #probeChannel: string | null;
  readonly #signal: AbortSignal | undefined;
  /** Settles with the subscriptions that the options ask for. */
  readonly #initial: Promise<void>;
  /** Of the handlers that the options name: it ends with the opening. */
  readonly #registration: Registration;
  #abort: Disposable | null = null;
  #opening: Promise<this> | null = null;
  #draining: Promise<void> | null = null;
  /** Resolves at the earliest deadline of the calls of `drain`. */
  readonly #drainedLate: Deferred<void> = new Deferred();
  #closing: Promise<void> | null = null;

  /** The options are checked already. @internal */
  constructor(source: ConsumerSource, given: AnyPubSubOptions, { channels, placement }: SubscriberKind) {
    super();
    const wanted = {
      channel: initial("channel", given.channels, given.channelHandlers),
      pattern: initial("pattern", given.patterns, given.patternHandlers),
    };

    this.#source = source;
    this.#channels = channels;
    this.#subscriptionTimeout = given.subscriptionTimeout ?? source.defaults.subscriptionTimeout;
    this.#unsubscriptionTimeout = given.unsubscriptionTimeout ?? source.defaults.unsubscriptionTimeout;
    this.#signal = given.signal;
    this.#probeChannel = given.probe ? given.probe.channel : null;
    for (const { keys } of wanted.channel) this.#refuseProbed(channels, keys);
    // What is shared is bounded by the client's times, not by those of the consumer that happens to be the first.
    const engine = engineOptions(source, given.shared ? {} : given, channels);
    const open = (owner: SubscriptionsOwner): Engine => new Engine(placement, owner, engine);
    const { readyTimeout } = source.defaults;
    const subscriptions = given.shared
      ? (owner: SubscriptionsOwner) => source.sharing.consumer(channels, open, owner, readyTimeout)
      : open;
    this.#delivery = new Delivery(subscriptions, this as Events, {
      codec: given.codec ?? source.defaults.codec,
      names: given.names ?? source.defaults.names,
      ignoreSubscribeMessages: given.ignoreSubscribeMessages ?? false,
      includeGaps: given.includeGaps ?? false,
      buffer: {
        limit: given.buffer?.limit ?? defaults.buffer.limit,
        limitBytes: given.buffer?.limitBytes ?? defaults.buffer.limitBytes,
        overflow: given.buffer?.overflow ?? (given.shared ? "drop-oldest" : defaults.buffer.overflow),
      },
      clientError: (error) => source.emitError(error),
      retrying: (cause, delay) => source.retrying(cause, delay),
    });
    this.#reading = new Readers(this.#delivery, this);
    this.#registration = this.#delivery.reports.registration();
    this.#initial = handled(this.#begin(wanted));
  }

  /**
   * Connects and subscribes to what the options name; resolves when the server has confirmed it. Calls made before are
   * part of it. Rejects with `ServerError`, `TimeoutError`, `ConnectionError` or the signal's reason; then nothing is
   * left open. Further calls give the same promise.
   */
  open(): Promise<this> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** What is wanted: channels with their handlers, or `null`. A live, read-only view that compares names by bytes. */
  get channels(): ReadonlyMap<NameOf<Item>, ShownHandler<ChannelMessageOf<Item>> | null> {
    return this.view(this.#channels);
  }

  /** Whether anything is wanted. */
  get subscribed(): boolean {
    for (const entry of this.#delivery.engine.registry) if (entry.wanted) return true;
    return false;
  }

  /** Names that are wanted and that the server denied, with its error. `retry()` asks for them again. */
  get denied(): ReadonlyMap<NameOf<Item>, ServerError> {
    const { engine } = this.#delivery;
    return deniedView(() => engine.denied) as unknown as ReadonlyMap<NameOf<Item>, ServerError>;
  }

  /**
   * The nodes that serve it now, as they were dialled: `{ host, port }`, or `{ path }` of a unix socket. None while it is not
   * connected.
   */
  get nodes(): readonly Endpoint[] {
    return this.#delivery.engine.nodes;
  }

  /** What it has seen so far; counters only grow. */
  stats(): ConsumerStats {
    return this.#delivery.stats;
  }

  /** `connecting`, `live`, `reconnecting`, `failed` or `closed`. */
  get state(): State {
    return this.#delivery.engine.state;
  }

  /** Whether `close()` was called, or the consumer closed by itself. */
  get closed(): boolean {
    return this.state === "closed";
  }

  /**
   * Subscribes to channels (SUBSCRIBE, or SSUBSCRIBE for shard channels). Resolves when the server has confirmed every one. With a handler, messages go
   * to it instead of the queue; subscribing again replaces the handler, without one removes it.
   *
   * All or nothing: on `ServerError` (its `names` are the denied ones), `TimeoutError` or an abort, names that only this
   * call wanted are withdrawn. `ArgumentError` for what is no name, `ClosedError` after `close()`.
   */
  subscribe(...names: [NameInput, ...NameInput[]]): Promise<void>;
  subscribe(names: NameInput | Iterable<NameInput>, options?: SubscribeOptions): Promise<void>;
  subscribe(
    names: NameInput | Iterable<NameInput>,
    handler: Handler<ChannelMessageOf<Item>> | undefined,
    options?: SubscribeOptions,
  ): Promise<void>;
  subscribe(handlers: Handlers<ChannelMessageOf<Item>>, options?: SubscribeOptions): Promise<void>;
  subscribe(...args: unknown[]): Promise<void> {
    return this.want(this.#channels, args);
  }

  /**
   * Unsubscribes from channels (UNSUBSCRIBE, SUNSUBSCRIBE); without an argument from all of them, from an empty iterable none.
   * Messages that arrive before the confirmation are delivered. Resolves when the server has confirmed, or after
   * `unsubscriptionTimeout`.
   */
  unsubscribe(...names: NameInput[]): Promise<void>;
  unsubscribe(names: Iterable<NameInput>): Promise<void>;
  unsubscribe(...args: unknown[]): Promise<void> {
    return this.unwant(this.#channels, args);
  }

  /**
   * The next item, or `null`: the time passed, the next thing was a confirmation that is ignored, or a message that a
   * handler took. Without `timeout` it waits; `timeout: 0` asks what is there. Rejects with the signal's reason, with
   * `ClosedError`, or with the cause of a failure.
   */
  getMessage(
    options: GetMessageOptions & { readonly ignoreSubscribeMessages: true },
  ): Promise<DeliveredOf<Item> | null>;
  getMessage(options?: GetMessageOptions): Promise<Item | null>;
  getMessage(options?: GetMessageOptions): Promise<Item | null> {
    return this.#reading.get(options) as Promise<Item | null>;
  }

  /**
   * The next published message, past confirmations and what handlers took. Rejects with `TimeoutError` after `timeout`
   * milliseconds, with `ClosedError`, the signal's reason, or the cause of a failure. What timed out took nothing.
   */
  receive(options?: ReceiveOptions): Promise<DeliveredOf<Item>> {
    return this.#reading.receive(options) as Promise<unknown> as Promise<DeliveredOf<Item>>;
  }

  /** Published messages only. Ends when nothing is wanted and all is read; with `until: "closed"` at the close. */
  messages(options?: MessagesOptions): ItemIterator<DeliveredOf<Item>> {
    return this.#reading.messages(options) as unknown as ItemIterator<DeliveredOf<Item>>;
  }

  /** The published messages that are there, as arrays, none of them empty: for high rates. Ends like `messages()`. */
  batches(options?: MessagesOptions): ItemIterator<DeliveredOf<Item>[]> {
    return this.#reading.batches(options) as unknown as ItemIterator<DeliveredOf<Item>[]>;
  }

  /**
   * All items, confirmations included unless they are ignored. Ends when nothing is wanted, no unsubscribe awaits its
   * confirmation and all is read, or when the consumer closes. Leaving the loop does not close the consumer.
   */
  [Symbol.asyncIterator](): ItemIterator<Item> {
    return this.#reading.items() as unknown as ItemIterator<Item>;
  }

  /** Takes up a failed consumer, or the names that were denied, again. Resolves when the server has confirmed them. */
  async retry(): Promise<void> {
    this.#assertOpen();
    const { engine } = this.#delivery;
    const options = { timeout: this.#subscriptionTimeout };
    if (engine.state !== "failed") return engine.reassert([...engine.denied.keys()], options);
    engine.start();
    // A listener of the state may have closed the consumer, or changed what is wanted.
    this.#assertOpen();
    const entries = [...engine.registry].filter((entry) => entry.wanted);
    await (entries.length > 0 ? engine.reassert(entries, options) : engine.live(options));
  }

  /**
   * Unsubscribes, lets handlers finish what has arrived and readers read it, waits until each iterator that took an item
   * has come back for more or was left, then closes; after `timeout` milliseconds (default 5000) it closes all the same, and
   * tells what it abandons as a gap. Of several calls the earliest deadline holds. Awaited inside a handler or the body of a
   * loop it settles at that deadline. What `receive` and `getMessage` gave is not waited for.
   */
  async drain(options: { readonly timeout?: number | undefined } = {}): Promise<void> {
    checkOptions("drain", options, drainOptions);
    const draining =
      this.#draining ??
      begin(
        (promise) => {
          this.#draining = promise;
        },
        () => this.#drain(),
      );
    const late = setTimeout(() => this.#drainedLate.resolve(), options.timeout ?? 5000);
    try {
      await draining;
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * Unsubscribes, stops dispatch, discards what is unread, releases the connection, ends iterators and rejects pending
   * calls with `ClosedError`. Waits for no handler and no reader. Further calls give the same promise.
   */
  close(): Promise<void> {
    return (
      this.#closing ??
      begin(
        (closing) => {
          this.#closing = closing;
        },
        () => this.#close(),
      )
    );
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // For the classes that add patterns. The types of the others have none; JavaScript is told why.

  protected psubscribe(..._args: never[]): Promise<void> {
    return Promise.reject(noPatterns("psubscribe"));
  }

  protected punsubscribe(..._args: never[]): Promise<void> {
    return Promise.reject(noPatterns("punsubscribe"));
  }

  /** Reads the arguments of a subscribe and carries it out. @internal */
  protected async want(kind: Kind, args: readonly unknown[]): Promise<void> {
    const { options, ...wanted } = readSubscribe(wordFor(kind), args);
    this.#assertOpen();
    this.#refuseProbed(kind, wanted.keys);
    if (options.signal !== undefined) throwIfAborted(options.signal);
    const { engine } = this.#delivery;
    if (engine.state === "failed") throw engine.failure;
    const registration = this.#delivery.reports.registration();
    try {
      await engine.subscribe(this.#delivery.requests(named(kind, [wanted]), registration), {
        timeout: options.timeout ?? this.#subscriptionTimeout,
        signal: options.signal,
      });
    } catch (error) {
      throw withCaller(error);
    } finally {
      registration.end();
    }
  }

  /** Reads the arguments of an unsubscribe and carries it out. @internal */
  protected async unwant(kind: Kind, args: readonly unknown[]): Promise<void> {
    const keys = readUnsubscribe(wordFor(kind), args);
    this.#assertOpen();
    const { engine } = this.#delivery;
    engine.withdraw(kind, keys);
    const named = keys === null ? engine.registry.wanted(kind) : engine.registry.named(kind, keys);
    await engine.unsubscribe(
      [...named].filter((entry) => entry.wanted),
      this.#unsubscriptionTimeout,
    );
  }

  /** What is wanted of a kind, with handlers. @internal */
  protected view<M>(kind: Kind): ReadonlyMap<NameOf<Item>, ShownHandler<M> | null> {
    const view = wantedView(this.#delivery.engine.registry, kind);
    return view as unknown as ReadonlyMap<NameOf<Item>, ShownHandler<M> | null>;
  }

  // ---

  #begin({ channel, pattern }: Readonly<Record<"channel" | "pattern", readonly Wanted[]>>): Promise<void> {
    const { engine } = this.#delivery;
    const options = { timeout: this.#subscriptionTimeout, signal: this.#signal, initial: true };
    if ([...channel, ...pattern].every(({ keys }) => keys.length === 0)) return engine.live(options);
    return engine.subscribe(
      this.#delivery.requests(both(named(this.#channels, channel), named("pattern", pattern)), this.#registration),
      options,
    );
  }

  async #open(): Promise<this> {
    this.#assertOpen();
    const { engine, inbox } = this.#delivery;
    try {
      if (this.#signal !== undefined) throwIfAborted(this.#signal);
      this.#source.adopt(this);
      if (this.#signal !== undefined) this.#abort = onAbort(this.#signal, () => void this.close());
      engine.start();
      if (engine.empty) inbox.idle();
      await this.#initial;
    } catch (error) {
      await this.close();
      throw withCaller(error);
    } finally {
      this.#registration.end();
    }
    return this;
  }

  async #drain(): Promise<void> {
    if (this.#closing !== null) return this.#closing;
    const { engine } = this.#delivery;
    for (const kind of [this.#channels, "pattern"] as const) engine.withdraw(kind, null);
    const drained = engine
      .unsubscribe(
        [...engine.registry].filter((entry) => entry.wanted),
        this.#unsubscriptionTimeout,
      )
      .then(() => this.#delivery.drained());
    // A close ends the drain, and rejects what it waits for.
    await Promise.race([drained.catch(() => {}), this.#drainedLate.promise]);
    this.#delivery.abandon();
    await this.close();
  }

  async #close(): Promise<void> {
    this.#abort?.[Symbol.dispose]();
    await this.#delivery.close();
    this.#source.disown(this);
    if (diagnostics.close.hasSubscribers) diagnostics.close.publish({ consumer: this });
    this.#delivery.emit("close");
  }

  /** A probe hears nothing on a channel whose messages go to the user. */
  #refuseProbed(kind: Kind, keys: Iterable<string>): void {
    const channel = this.#probeChannel;
    if (channel === null || kind === "pattern") return;
    const probed = latin1(channel);
    for (const key of keys) {
      const own = kind === "shard" ? key.startsWith(`${probed}{`) : key === probed;
      if (!own) continue;
      throw new ArgumentError(
        `The channel ${JSON.stringify(channel)} is the probe's own: choose another one for "probe", or leave this one out.`,
      );
    }
  }

  #assertOpen(): void {
    if (this.closed) throw new ClosedError("The consumer is closed.");
    if (this.#draining !== null) throw new ClosedError("The consumer is draining; it takes no further calls.");
  }
}

function noPatterns(method: string): ArgumentError {
  return new ArgumentError(`Shard channels know no patterns, so there is no ${method}(). Use pubsub() for patterns.`);
}

/** What users call it. */
function wordFor(kind: Kind): string {
  return kind === "pattern" ? "pattern" : "channel";
}
