import type { Codec } from "../codec.ts";
import type { Connection, Timeouts } from "../connection/connection.ts";
import { Pool } from "../connection/pool.ts";
import { onAbort } from "../core/abort.ts";
import { begin, handled } from "../core/deferred.ts";
import { inRootContext } from "../core/root-context.ts";
import { TypedEmitter } from "../core/typed-emitter.ts";
import { surface } from "../core/uncaught.ts";
import { ClosedError, type PubSubError } from "../errors.ts";
import type { NameForm, NameInput } from "../names.ts";
import type { NameIn } from "../pubsub/consumer/options.ts";
import type { Adopted, ConsumerSource } from "../pubsub/consumer/source.ts";
import { type ClientStats, total } from "../pubsub/delivery/stats.ts";
import { Sharing } from "../pubsub/sharing/sharing.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import type { ClientState } from "./command-link.ts";
import { checkCommand, payloadOf, readCounts, readNameList, requireName } from "./commands.ts";
import type { ResolvedOptions } from "./options.ts";

/** Events of a client, by name. */
export interface ClientEvents {
  /**
   * Commands can no longer be served (login refused, policy exhausted) while no call waited to be told; or the primary
   * has become a replica (`PubSubError`), where what is published reaches its own subscribers alone.
   */
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

/** What the clients have in common: publishing, the questions about subscribers, consumers, and the end. */
export abstract class BaseClient<In = string, Form extends NameForm = "utf8">
  extends TypedEmitter<ClientEvents>
  implements Client<In, NameIn<Form>>
{
  /** @internal */
  readonly sharing: Sharing = new Sharing();
  /** How long commands may take. */
  protected readonly timeouts: Timeouts;
  protected readonly pool: Pool;
  readonly #options: ResolvedOptions;
  readonly #consumers: Set<Adopted> = new Set();
  /** What consumers that are closed have seen. */
  #past = total([]);
  #abort: Disposable | null = null;
  #closing: Promise<void> | null = null;

  protected constructor(options: ResolvedOptions) {
    super();
    this.#options = options;
    this.pool = new Pool(options.pool.keep, options.pool.idleTimeout);
    this.timeouts = {
      maxIdle: options.consumers.maxIdle,
      replyTimeout: options.commandTimeout,
      anyByteCounts: false,
    };
  }

  /** To be called when the client is complete: its signal closes it from now on. */
  protected heedSignal(): void {
    const { signal } = this.#options;
    if (signal?.aborted) void handled(this.close());
    else if (signal !== undefined) this.#abort = onAbort(signal, () => void handled(this.close()));
  }

  /** Where the client stands. */
  abstract get state(): ClientState;

  /** What its consumers have seen so far, all together; counters only grow. */
  stats(): ClientStats {
    const all = Array.from(this.#consumers, (consumer) => consumer.stats());
    return { consumers: all.length, ...total([this.#past, ...all]) };
  }

  /** Connects. Optional: the first use does. */
  abstract connect(): Promise<this>;

  /**
   * Publishes (PUBLISH); resolves to the number of receivers on the server that takes it. Commands of one tick go out in one write.
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
  pubsubChannels(pattern?: NameInput): Promise<NameIn<Form>[]> {
    return this.#names("CHANNELS", pattern);
  }

  /** The shard channels that have subscribers (PUBSUB SHARDCHANNELS, server 7.0). */
  pubsubShardchannels(pattern?: NameInput): Promise<NameIn<Form>[]> {
    return this.#names("SHARDCHANNELS", pattern);
  }

  /** The number of subscribers of each channel (PUBSUB NUMSUB), in the order asked. Patterns do not count. */
  pubsubNumsub(...channels: NameInput[]): Promise<ReadonlyMap<NameIn<Form>, number>> {
    return this.#counts("NUMSUB", channels);
  }

  /** The number of subscribers of each shard channel (PUBSUB SHARDNUMSUB, server 7.0). */
  pubsubShardnumsub(...channels: NameInput[]): Promise<ReadonlyMap<NameIn<Form>, number>> {
    return this.#counts("SHARDNUMSUB", channels);
  }

  /** The number of distinct patterns that are subscribed (PUBSUB NUMPAT). */
  async pubsubNumpat(): Promise<number> {
    const counts = await this.everywhere(["PUBSUB", "NUMPAT"], true);
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  /**
   * Any other command, bulk strings as text. The connection is shared: what a command leaves behind on it (SELECT, MULTI,
   * WATCH) is there for every other call and gone after a reconnect, and a blocking command holds the others up. Refuses
   * with `ArgumentError` what would take the connection away: (P|S)(UN)SUBSCRIBE, MONITOR, RESET, QUIT, HELLO, CLIENT
   * REPLY.
   */
  async call(command: string, ...args: Argument[]): Promise<Reply> {
    return this.run(checkCommand(command, args));
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

  // What consumers need (ConsumerSource).

  /** @internal */
  get defaults(): ConsumerSource["defaults"] {
    const { codec, names, retryPolicy, consumers } = this.#options;
    return { codec, names, retryPolicy, readFromReplicas: false, ...consumers };
  }

  /** @internal */
  release(connection: Connection): Promise<void> {
    return this.pool.release(connection);
  }

  /** @internal */
  adopt(consumer: Adopted): void {
    this.assertOpen();
    this.#consumers.add(consumer);
  }

  /** @internal */
  disown(consumer: Adopted): void {
    if (this.#consumers.delete(consumer)) this.#past = total([this.#past, consumer.stats()]);
  }

  // What the classes are to do, and what they have for it.

  /** Sends a PUBLISH or SPUBLISH. */
  protected abstract send(
    command: "PUBLISH" | "SPUBLISH",
    channel: NameInput,
    args: readonly Argument[],
  ): Promise<number>;
  /** Runs any other command. */
  protected abstract run(args: readonly Argument[]): Promise<Reply>;
  /** Runs a command on every node; bulk strings as text, or as Buffers. */
  protected abstract everywhere(args: readonly Argument[], wantsText: boolean): Promise<Reply[]>;
  /** Ends the connections for commands. */
  protected abstract end(): Promise<void>;

  protected assertOpen(): void {
    if (this.#closing !== null) throw new ClosedError("The client is closed.");
  }

  /** What a listener throws is the process's affair; it must not reach the connection that caused the event. */
  protected tell<Name extends keyof ClientEvents>(name: Name, ...args: ClientEvents[Name]): void {
    try {
      inRootContext(() => this.emit(name, ...args));
    } catch (error) {
      surface(error);
    }
  }

  /** The primary that commands go to has become a replica. */
  protected tellDemotion(error: PubSubError): void {
    if (this.listenerCount("error") > 0) this.tell("error", error);
  }

  /** Commands can no longer be served; told where nobody else was. */
  protected tellFailure(cause: unknown, told: boolean): void {
    if (!told && this.listenerCount("error") > 0) this.tell("error", cause as Error);
  }

  // ---

  #publish(command: "PUBLISH" | "SPUBLISH", channel: NameInput, data: In | Uint8Array): Promise<number> {
    try {
      requireName("channel", channel);
      const payload = payloadOf(this.#options.codec as Codec<unknown, unknown>, data);
      return this.send(command, channel, [command, channel, payload]);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #names(subcommand: string, pattern: NameInput | undefined): Promise<NameIn<Form>[]> {
    if (pattern !== undefined) requireName("pattern", pattern);
    const args = pattern === undefined ? ["PUBSUB", subcommand] : ["PUBSUB", subcommand, pattern];
    return readNameList(await this.everywhere(args, false), this.#options.names) as NameIn<Form>[];
  }

  async #counts(subcommand: string, channels: readonly NameInput[]): Promise<ReadonlyMap<NameIn<Form>, number>> {
    for (const channel of channels) requireName("channel", channel);
    const replies = await this.everywhere(["PUBSUB", subcommand, ...channels], false);
    const counts = readCounts(replies, channels, this.#options.names);
    return counts as ReadonlyMap<string | Buffer, number> as ReadonlyMap<NameIn<Form>, number>;
  }

  async #close(): Promise<void> {
    this.#abort?.[Symbol.dispose]();
    const consumers = Array.from(this.#consumers, (consumer) => consumer.close());
    await Promise.all([...consumers, this.end()]);
    await this.pool.close();
    this.tell("close");
  }
}
