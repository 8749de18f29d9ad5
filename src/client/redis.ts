import { EventEmitter } from "node:events";
import type { Codec } from "../codec.ts";
import { Connection, type Patience } from "../connection/connection.ts";
import { Pool } from "../connection/pool.ts";
import { onAbort } from "../core/abort.ts";
import { begin, quiet } from "../core/deferred.ts";
import { surface } from "../core/uncaught.ts";
import { ClosedError } from "../errors.ts";
import type { NameForm, NameInput } from "../names.ts";
import { defaults, type Named, type PubSubOptions } from "../pubsub/options.ts";
import { PubSub } from "../pubsub/pubsub.ts";
import type { SubscriberSource } from "../pubsub/source.ts";
import type { DataOf, FormOf, ItemOf } from "../pubsub/types.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { type ClientState, CommandLink } from "./command-link.ts";
import { checkCommand, payloadOf, readCounts, readNameList, requireName } from "./commands.ts";
import { type RedisOptions, type ResolvedOptions, resolveOptions } from "./options.ts";

/** Events of a client, by name. */
export interface ClientEvents {
  /** Commands can no longer be served (login refused, policy exhausted) while no call waited to be told. */
  error: [error: Error];
  /** A connection for commands was made. */
  connect: [];
  /** It is ready: the handshake is done. */
  ready: [];
  /** The connection is lost, or an attempt failed; the next attempt comes in `delay` ms. */
  reconnecting: [info: { readonly delay: number; readonly cause: unknown }];
  close: [];
}

/** What a client does. Depend on it, and fake it in tests. */
export interface Client<In = string, Name = string> extends AsyncDisposable {
  publish(channel: NameInput, data: In | Uint8Array): Promise<number>;
  spublish(channel: NameInput, data: In | Uint8Array): Promise<number>;
  pubsubChannels(pattern?: NameInput): Promise<Name[]>;
  pubsubShardchannels(pattern?: NameInput): Promise<Name[]>;
  pubsubNumsub(...channels: NameInput[]): Promise<ReadonlyMap<Name, number>>;
  pubsubShardnumsub(...channels: NameInput[]): Promise<ReadonlyMap<Name, number>>;
  pubsubNumpat(): Promise<number>;
  call(command: string, ...args: Argument[]): Promise<Reply>;
  on<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  once<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  off<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  close(): Promise<void>;
}

/**
 * A client of one server. It connects at its first use, keeps one connection for commands and leases one to each
 * consumer. Nothing is lost in silence: a lost connection is `reconnecting`, and comes back by the `retryPolicy`.
 *
 * ```ts
 * await using client = new Redis("redis://localhost:6379");
 * ```
 *
 * @throws ArgumentError for a URL that cannot be read, an unknown option, or a value of a wrong kind.
 */
export class Redis<Data = string, In = Data, Form extends NameForm = "utf8">
  extends EventEmitter<ClientEvents>
  implements Client<In, Named<Form>>, SubscriberSource
{
  readonly #options: ResolvedOptions;
  readonly #commands: CommandLink;
  readonly #pool: Pool;
  readonly #consumers: Set<{ close(): Promise<void> }> = new Set();
  #abort: Disposable | null = null;
  #closing: Promise<void> | null = null;

  constructor(options?: RedisOptions<Data, In, Form>);
  constructor(url: string | URL, options?: RedisOptions<Data, In, Form>);
  constructor(first?: unknown, second?: unknown) {
    super();
    const options = resolveOptions(first, second);
    this.#options = options;
    this.#pool = new Pool(options.pool.keep, options.pool.idleTimeout);
    const patience: Patience = {
      maxIdle: defaults.maxIdle,
      replyTimeout: options.commandTimeout,
      anyByteCounts: false,
    };
    this.#commands = new CommandLink(
      {
        dial: async (signal) => {
          const connection = await Connection.open(options.connection, patience, signal);
          this.#emit("connect");
          return connection;
        },
        ready: () => this.#emit("ready"),
        reconnecting: (cause, delay) => this.#emit("reconnecting", { delay, cause }),
        failed: (cause, told) => {
          if (!told && this.listenerCount("error") > 0) this.#emit("error", cause as Error);
        },
      },
      options,
    );
    if (options.signal?.aborted) void this.close();
    else if (options.signal !== undefined) this.#abort = onAbort(options.signal, () => void quiet(this.close()));
  }

  /** `idle` until the first use, `connecting`, `live`, `reconnecting`, `failed` (the next use tries again), `closed`. */
  get state(): ClientState {
    return this.#commands.state;
  }

  /**
   * Connects, within `connectTimeout`. Optional: the first use connects. Rejects with `ServerError` when the login is
   * refused, else with `TimeoutError` whose `cause` says why no attempt succeeded.
   */
  async connect(): Promise<this> {
    await this.#commands.connect(this.#options.connection.connectTimeout);
    return this;
  }

  /**
   * Publishes (PUBLISH); resolves to the number of receivers on this server. Commands of one tick go out in one write.
   * Never sent twice: when the connection is lost before the reply it rejects with `ConnectionError`, its fate unknown.
   */
  publish(channel: NameInput, data: In | Uint8Array): Promise<number> {
    return this.#publish("PUBLISH", channel, data);
  }

  /** Publishes to a shard channel (SPUBLISH, server 7.0). */
  spublish(channel: NameInput, data: In | Uint8Array): Promise<number> {
    return this.#publish("SPUBLISH", channel, data);
  }

  /** The channels that have subscribers (PUBSUB CHANNELS), those that match the glob-style pattern. */
  pubsubChannels(pattern?: NameInput): Promise<Named<Form>[]> {
    return this.#names("CHANNELS", pattern);
  }

  /** The shard channels that have subscribers (PUBSUB SHARDCHANNELS, server 7.0). */
  pubsubShardchannels(pattern?: NameInput): Promise<Named<Form>[]> {
    return this.#names("SHARDCHANNELS", pattern);
  }

  /** The number of subscribers of each channel (PUBSUB NUMSUB), in the order asked. Patterns do not count. */
  pubsubNumsub(...channels: NameInput[]): Promise<ReadonlyMap<Named<Form>, number>> {
    return this.#counts("NUMSUB", channels);
  }

  /** The number of subscribers of each shard channel (PUBSUB SHARDNUMSUB, server 7.0). */
  pubsubShardnumsub(...channels: NameInput[]): Promise<ReadonlyMap<Named<Form>, number>> {
    return this.#counts("SHARDNUMSUB", channels);
  }

  /** The number of distinct patterns that are subscribed (PUBSUB NUMPAT). */
  async pubsubNumpat(): Promise<number> {
    return (await this.#commands.command(["PUBSUB", "NUMPAT"])) as number;
  }

  /**
   * Any other command, bulk strings as text. The connection is shared: what a command leaves behind on it (SELECT, MULTI,
   * WATCH) is there for every other call and gone after a reconnect, and a blocking command holds the others up. Refuses
   * with `ArgumentError` what would take the connection away: (P|S)(UN)SUBSCRIBE, MONITOR, RESET, QUIT, HELLO, CLIENT
   * REPLY.
   */
  async call(command: string, ...args: Argument[]): Promise<Reply> {
    return this.#commands.command(checkCommand(command, args));
  }

  /** A consumer of channels and patterns, connected and subscribed to what the options name. */
  async pubsub<D = Data, F extends NameForm = Form, Ignore extends boolean = false, Gaps extends boolean = false>(
    options?: PubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, Named<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>> {
    if (this.#closing !== null) throw new ClosedError("The client is closed.");
    type Item = ItemOf<D, Named<F>, Ignore, Gaps>;
    return new PubSub<Item>(this, options as PubSubOptions<DataOf<Item>, FormOf<Item>>).open();
  }

  /** Closes its consumers, then its connections. Replies that are due get a moment. Further calls give the same promise. */
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

  // What consumers need (SubscriberSource).

  /** @internal */
  get defaults(): SubscriberSource["defaults"] {
    const { codec, names, retryPolicy, connection } = this.#options;
    return { codec, names, retryPolicy, connectTimeout: connection.connectTimeout };
  }

  /** @internal */
  lease(patience: Patience, signal: AbortSignal): Promise<Connection> {
    return this.#pool.lease(this.#options.connection, patience, signal);
  }

  /** @internal */
  release(connection: Connection): Promise<void> {
    return this.#pool.release(connection);
  }

  /** @internal */
  adopt(consumer: { close(): Promise<void> }): void {
    if (this.#closing !== null) throw new ClosedError("The client is closed.");
    this.#consumers.add(consumer);
  }

  /** @internal */
  disown(consumer: { close(): Promise<void> }): void {
    this.#consumers.delete(consumer);
  }

  // ---

  #publish(command: string, channel: NameInput, data: In | Uint8Array): Promise<number> {
    try {
      requireName("channel", channel);
      const payload = payloadOf(this.#options.codec as Codec<unknown, unknown>, data);
      return this.#commands.command([command, channel, payload]) as Promise<number>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #names(subcommand: string, pattern: NameInput | undefined): Promise<Named<Form>[]> {
    if (pattern !== undefined) requireName("pattern", pattern);
    const args = pattern === undefined ? ["PUBSUB", subcommand] : ["PUBSUB", subcommand, pattern];
    return readNameList(await this.#commands.command(args, false), this.#options.names) as Named<Form>[];
  }

  async #counts(subcommand: string, channels: readonly NameInput[]): Promise<ReadonlyMap<Named<Form>, number>> {
    for (const channel of channels) requireName("channel", channel);
    const reply = await this.#commands.command(["PUBSUB", subcommand, ...channels], false);
    const counts = readCounts(reply, channels, this.#options.names);
    return counts as ReadonlyMap<string | Buffer, number> as ReadonlyMap<Named<Form>, number>;
  }

  async #close(): Promise<void> {
    this.#abort?.[Symbol.dispose]();
    const consumers = Array.from(this.#consumers, (consumer) => consumer.close());
    await Promise.all([...consumers, this.#commands.close()]);
    await this.#pool.close();
    this.#emit("close");
  }

  /** What a listener throws is the process's affair; it must not reach the connection that caused the event. */
  #emit<Name extends keyof ClientEvents>(name: Name, ...args: ClientEvents[Name]): void {
    try {
      (this as EventEmitter).emit(name, ...args);
    } catch (error) {
      surface(error);
    }
  }
}
