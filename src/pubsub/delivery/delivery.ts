import { AsyncResource } from "node:async_hooks";
import type { Codec } from "../../codec.ts";
import { Deferred } from "../../core/deferred.ts";
import { earlier, takeMoment } from "../../core/moment.ts";
import { inRootContext } from "../../core/root-context.ts";
import { surface } from "../../core/uncaught.ts";
import { debug, diagnostics } from "../../diagnostics.ts";
import { HandlerError, PubSubError, type ServerError } from "../../errors.ts";
import { type NameForm, nameOf } from "../../names.ts";
import type { Payload } from "../../resp/reply.ts";
import type { State } from "../model/state.ts";
import type { ConsumerEvents } from "../model/types.ts";
import type { Entry, Kind, Sink } from "../subscriptions/entry.ts";
import type { Missed } from "../subscriptions/losses.ts";
import type { Verb } from "../subscriptions/reconcile.ts";
import type { SubscriptionRequest } from "../subscriptions/request.ts";
import type { Subscriptions, SubscriptionsOwner } from "../subscriptions/subscriptions.ts";
import { Backlog, type BacklogLimits, type BacklogOwner } from "./backlog.ts";
import { Decoding } from "./decoding.ts";
import { Dropped } from "./dropped.ts";
import { GapReports, gapOf } from "./gap-reports.ts";
import {
  type AnyHandler,
  type AnyPublished,
  type HandlerHost,
  type HandlerQueue,
  HandlerSink,
  queueIdOf,
} from "./handler.ts";
import { Inbox } from "./inbox.ts";
import type { Item, ReadQueueOwner } from "./read-queue.ts";
import { type Registration, Reports } from "./reports.ts";
import { type ConsumerStats, Tally } from "./stats.ts";

/** A name and its handler; `null`: its messages are read. */
export type NamedHandler = readonly [kind: Kind, key: string, handler: AnyHandler | null];

/** How a consumer's events get out. */
export interface Events {
  emit<Name extends keyof ConsumerEvents>(name: Name, ...args: ConsumerEvents[Name]): boolean;
  listenerCount(name: keyof ConsumerEvents): number;
}

/** A pause of so many milliseconds, in which nothing is read, is no back-pressure but a mistake. */
const PAUSE = 1000;

/** What a consumer makes of messages. */
export interface DeliveryOptions {
  readonly codec: Codec<unknown, never>;
  readonly names: NameForm;
  readonly ignoreSubscribeMessages: boolean;
  readonly includeGaps: boolean;
  readonly buffer: BacklogLimits;
  /** Emits an error on the client; false if it has no listener. */
  readonly clientError: (error: Error) => boolean;
  /** The first connection failed; the next attempt comes in `delay` milliseconds. */
  readonly retrying: (cause: unknown, delay: number) => void;
}

/**
 * What becomes of a message: decoded by the codec, then handed to its handler or laid in the inbox. The engine below
 * knows names and servers, and nothing of this.
 */
export class Delivery implements Sink, SubscriptionsOwner, HandlerHost, ReadQueueOwner, BacklogOwner {
  readonly backlog: Backlog;
  readonly inbox: Inbox;
  readonly engine: Subscriptions;
  readonly names: NameForm;
  readonly ignoresConfirmations: boolean;
  readonly tally: Tally = new Tally();
  readonly reports: Reports;
  readonly decoding: Decoding;
  readonly #events: Events;
  readonly #gaps: GapReports;
  readonly #retrying: DeliveryOptions["retrying"];
  #pauseTimer: NodeJS.Timeout | undefined;
  /** Queues with an async handler at work, by channel or pattern. */
  readonly #busy: Map<string, HandlerQueue> = new Map();
  #drained: Deferred<void> | null = null;
  /** Iterators whose users are at work on what they took. */
  working = 0;

  constructor(subscriptions: (owner: SubscriptionsOwner) => Subscriptions, events: Events, options: DeliveryOptions) {
    this.names = options.names;
    this.ignoresConfirmations = options.ignoreSubscribeMessages;
    this.#events = events;
    this.#gaps = new GapReports(options.includeGaps, {
      consumer: events,
      listened: () => events.listenerCount("gap") > 0,
      lay: (gap) => this.inbox.notice(gap, this.engine.registry.size),
      told: (gap) => {
        this.tally.gaps++;
        this.emit("gap", gap);
      },
    });
    this.#retrying = options.retrying;
    this.reports = new Reports({
      listens: (event) => events.listenerCount(event) > 0,
      emitError: (error) => this.emit("error", error),
      emitClientError: options.clientError,
    });
    const { tally, reports } = this;
    this.decoding = new Decoding(options.codec, options.names, { consumer: events, tally, reports });
    this.backlog = new Backlog(options.buffer, this);
    this.inbox = new Inbox(this.backlog, this);
    this.engine = subscriptions(this);
  }

  /**
   * Names to subscribe, one by one as they are asked for, their messages to go to their handlers or into the inbox.
   * Handlers run in the asynchronous context of this call, whichever context a message comes in.
   */
  requests(requests: Iterable<NamedHandler>, registration: Registration): Iterable<SubscriptionRequest> {
    return this.#requests(requests, { context: new AsyncResource("tidings.handler"), registration });
  }

  *#requests(
    requests: Iterable<NamedHandler>,
    registered: ConstructorParameters<typeof HandlerSink>[2],
  ): Generator<SubscriptionRequest> {
    // Names that have one handler have one sink: fewer objects that a message has to come by.
    let sink = null as HandlerSink | null;
    for (const [kind, key, handler] of requests) {
      if (handler !== null && sink?.handler !== handler) sink = new HandlerSink(this, handler, registered);
      yield { kind, key, name: nameOf(key, this.names), sink: handler === null || sink === null ? this : sink };
    }
  }

  // Where messages without a handler go (Sink).

  message(entry: Entry, payload: Payload): void {
    this.#lay(entry, this.decoding.message(entry, payload, null), payload.byteLength);
  }

  pmessage(entry: Entry, channel: string, payload: Payload): void {
    this.#lay(entry, this.decoding.message(entry, payload, channel), payload.byteLength);
  }

  // ---

  /**
   * Resolves when no handler is at work, no published message is left to read, every iterator that took an item has come
   * back for more, and nothing awaits a confirmation.
   */
  drained(): Promise<void> {
    this.#drained ??= new Deferred();
    this.settle();
    return this.#drained.promise;
  }

  /** To be called when something was read, in case a drain waits for the last of it. */
  settle(): void {
    if (this.#drained === null || this.#busy.size > 0 || this.working > 0) return;
    if (this.engine.empty && this.inbox.pending === 0) this.#drained.resolve();
  }

  /** A drain is over: what was neither read nor handled is told as a gap. */
  abandon(): void {
    if (this.engine.state === "closed") return;
    const left = new Dropped(this.tally);
    const untold = this.inbox.abandon(left);
    for (const queue of this.#busy.values()) untold.push(...queue.abandon(left));
    this.backlog.clear();
    for (const dropped of untold) this.#gaps.emit(dropped.gap("overflow"));
    this.#abandonUnread();
    if (left.count > 0) this.#gaps.emit(left.gap("drained", takeMoment()));
  }

  /** What was sent before the server took an unsubscribe, and is not read yet, is abandoned too, however much it is. */
  #abandonUnread(): void {
    const unread = [...this.engine.registry].filter(({ confirmed, link }) => confirmed > 0 && link.epoch > 0);
    const [first] = unread;
    if (first === undefined) return;
    const since = unread.reduce((earliest, { link }) => earlier(earliest, link.proof), first.link.proof);
    this.#gaps.emit(gapOf("drained", unread, since));
  }

  /** Stops dispatch at once, discards what is unread, and ends all waits. */
  close(): Promise<void> {
    this.tally.dropped += this.backlog.count;
    for (const queue of this.#busy.values()) queue.stop();
    this.backlog.clear();
    clearTimeout(this.#pauseTimer);
    const released = this.engine.close();
    this.inbox.close();
    this.#drained ??= new Deferred();
    this.#drained.resolve();
    return released;
  }

  get stats(): ConsumerStats {
    return this.tally.stats(this.backlog.count);
  }

  /** Emits an event; what a listener throws is the process's affair, never ours. */
  emit<Name extends keyof ConsumerEvents>(name: Name, ...args: ConsumerEvents[Name]): void {
    try {
      inRootContext(() => this.#events.emit(name, ...args));
    } catch (error) {
      surface(error);
    }
  }

  // What the engine tells (SubscriptionsOwner).

  confirmed(verb: Verb, entry: Entry, count: number): void {
    // A listener of the gap before it may have closed the consumer.
    if (this.engine.state === "closed") return;
    if (this.ignoresConfirmations) {
      this.inbox.handled();
      return;
    }
    const type = verb.toLowerCase() as Lowercase<Verb>;
    const pattern = entry.kind === "pattern" ? entry.name : null;
    const confirmation = { type, pattern, channel: entry.name, data: count } as Item;
    this.inbox.notice(confirmation, this.engine.registry.size);
  }

  paused(paused: boolean): void {
    const channel = paused ? diagnostics.pause : diagnostics.resume;
    if (channel.hasSubscribers) channel.publish({ consumer: this.#events });
    clearTimeout(this.#pauseTimer);
    if (paused) this.#watchPause(this.tally.received - this.backlog.count);
    this.emit(paused ? "pause" : "resume");
  }

  missed({ cause, entries, since }: Missed): void {
    if (this.engine.state === "closed") return;
    // The message that did not fit is lost for certain, and an unknown number behind it.
    this.#gaps.tell(gapOf(cause, entries, since, cause === "overflow"));
  }

  state(state: State, retryIn: number | null): void {
    const previous = this.tally.enter(state);
    if (diagnostics.state.hasSubscribers) diagnostics.state.publish({ consumer: this.#events, state, previous });
    const untold = state === "failed" && !this.inbox.awaited && !this.engine.awaited;
    const cause = state === "reconnecting" || state === "failed" ? this.engine.failure : null;
    if (debug.enabled) debug(`consumer: ${previous} -> ${state}${cause === null ? "" : ` (${textOf(cause)})`}`);
    this.emit("state", state, { previous, cause, retryIn });
    if (state !== "failed" || this.engine.state !== "failed") return;
    const failure = this.engine.failure as Error;
    this.inbox.fail(failure);
    // It must not be silent. Where only handlers are fed, and there is no listener, the process is told.
    if (untold && this.#feedsHandlers) this.reports.error(failure);
    else this.reports.tell(() => failure);
  }

  denied(error: ServerError): void {
    if (diagnostics.denied.hasSubscribers) diagnostics.denied.publish({ consumer: this.#events, error });
    this.emit("denied", error);
  }

  demoted(error: PubSubError): void {
    this.reports.tell(() => error);
  }

  retrying(cause: unknown, delay: number): void {
    if (this.engine.state === "connecting") this.#retrying(cause, delay);
  }

  empty(): void {
    if (this.engine.started && this.inbox.empty) this.inbox.idle();
    this.settle();
  }

  // What the backlog tells (BacklogOwner).

  full(): void {
    this.engine.pause(this.backlog.heavy);
  }

  room(): void {
    this.engine.resume();
  }

  // What the inbox and the handlers' queues ask and tell (InboxOwner, HandlerHost).

  dropping(): Dropped {
    if (!this.#gaps.seen) {
      this.reports.warn(
        "TIDINGS_DROPPED",
        `A consumer drops messages: ${this.backlog.count} are unread, and its buffer is full. Read faster, raise "buffer.limit", or set "includeGaps" or listen to "gap" to see what is missing. stats().dropped counts them.`,
      );
    }
    return new Dropped(this.tally);
  }

  dropped(dropped: Dropped): Item | null {
    const gap = dropped.gap("overflow");
    this.#gaps.emit(gap);
    return this.#gaps.included ? gap : null;
  }

  droppedBehindHandler(dropped: Dropped): void {
    this.#gaps.tell(dropped.gap("overflow"));
  }

  overflowed(): void {
    this.tally.dropped++;
    this.engine.giveUp(
      new PubSubError(
        `The consumer's buffer is full (${this.backlog.count} messages, ${this.backlog.bytes} bytes). Read faster, raise "buffer", or choose another "overflow".`,
      ),
    );
  }

  handled(): void {
    this.inbox.handled();
  }

  handlerFailed({ channel, pattern }: AnyPublished, error: unknown, registration: Registration): void {
    registration.error(new HandlerError(channel as string | Buffer, pattern as string | Buffer | null, error));
  }

  queueOf(entry: Entry): HandlerQueue | null {
    return this.#busy.size === 0 ? null : (this.#busy.get(queueIdOf(entry)) ?? null);
  }

  busy(queue: HandlerQueue): void {
    this.#busy.set(queue.id, queue);
  }

  idle(queue: HandlerQueue): void {
    this.#busy.delete(queue.id);
    this.settle();
  }

  // ---

  get #feedsHandlers(): boolean {
    for (const entry of this.engine.registry) if (entry.sink instanceof HandlerSink) return true;
    return false;
  }

  #lay({ link }: Entry, message: AnyPublished | null, size: number): void {
    if (message !== null) this.inbox.push(message, size, link);
  }

  /** Warns if after a while nothing was read, and there is no listener. */
  #watchPause(delivered: number): void {
    this.#pauseTimer = setTimeout(() => {
      const isRead = this.tally.received - this.backlog.count > delivered;
      if (isRead || this.#events.listenerCount("pause") > 0 || diagnostics.pause.hasSubscribers) return;
      this.reports.warn(
        "TIDINGS_PAUSED",
        `A consumer is paused: ${this.backlog.count} messages are unread, and they are not read. Read them, give subscribe() a handler, or choose buffer: { overflow: "drop-oldest" }. The server cuts a subscriber that does not read.`,
      );
    }, PAUSE);
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
