import type { Codec } from "../codec.ts";
import type { Timeouts } from "../connection/connection.ts";
import { Pool } from "../connection/pool.ts";
import { onAbort } from "../core/abort.ts";
import { withCaller } from "../core/caller.ts";
import { checkOptions } from "../core/checks.ts";
import { begin, handled } from "../core/deferred.ts";
import { inRootContext } from "../core/root-context.ts";
import { TypedEmitter } from "../core/typed-emitter.ts";
import { surface } from "../core/uncaught.ts";
import { within } from "../core/within.ts";
import { ClosedError, type PubSubError } from "../errors.ts";
import type { NameForm, NameInput } from "../names.ts";
import { drainOptions } from "../pubsub/consumer/arguments.ts";
import type { NameIn, PubSubOptions, ShardedPubSubOptions } from "../pubsub/consumer/options.ts";
import type { PubSub } from "../pubsub/consumer/pubsub.ts";
import { ShardedPubSub } from "../pubsub/consumer/sharded-pubsub.ts";
import type { Adopted, ConsumerSource, SubscriberSource } from "../pubsub/consumer/source.ts";
import { type ClientStats, total } from "../pubsub/delivery/stats.ts";
import type { ChannelMessage, PatternMessage } from "../pubsub/model/message.ts";
import type { AnyItem, Handler, ItemOf } from "../pubsub/model/types.ts";
import { Sharing } from "../pubsub/sharing/sharing.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import type { ClientEvents, DrainOptions } from "./client.ts";
import type { ClientState } from "./command-link.ts";
import { checkCommand, payloadOf, readCounts, readNameList, requireName, withBuffers } from "./commands.ts";
import type { ResolvedOptions } from "./options.ts";
import { readSharedArguments, type SharedConsumerOptions } from "./shared-arguments.ts";

/** What the clients have in common: publishing, the questions about subscribers, consumers, and the end. */
export abstract class BaseClient<
  Data = string,
  In = Data,
  Form extends NameForm = "utf8",
> extends TypedEmitter<ClientEvents> {
  /** How long commands may take. @internal */
  protected readonly timeouts: Timeouts;
  /** @internal */
  protected readonly pool: Pool;
  readonly #options: ResolvedOptions;
  readonly #consumers: Set<Adopted> = new Set();
  /** What consumers that are closed have seen. */
  #past = total([]);
  #abort: Disposable | null = null;
  #closing: Promise<void> | null = null;

  /** @internal */
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

  /** To be called when the client is complete: its signal closes it from now on. @internal */
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
   * Any other command, bulk strings as text. The connection is shared, so that `ArgumentError` refuses what would change or
   * hold it up: (P|S)(UN)SUBSCRIBE, MONITOR, RESET, QUIT, HELLO, SELECT, AUTH, MULTI, EXEC, DISCARD, WATCH, UNWATCH, commands
   * that block, CLIENT REPLY, TRACKING, CACHING and PAUSE, READONLY, ASKING, SYNC, PSYNC, SHUTDOWN.
   */
  async call(command: string, ...args: Argument[]): Promise<Reply> {
    try {
      return await this.run(checkCommand(command, args), true);
    } catch (error) {
      throw withCaller(error);
    }
  }

  /** The same as `call`, with Buffers: bulk, simple and verbatim strings, keys of maps too. */
  async callBuffer(command: string, ...args: Argument[]): Promise<Reply> {
    try {
      return withBuffers(await this.run(checkCommand(command, args), false));
    } catch (error) {
      throw withCaller(error);
    }
  }

  /** A consumer of channels and patterns, connected and subscribed to what the options name. */
  async pubsub<D = Data, F extends NameForm = Form, Ignore extends boolean = false, Gaps extends boolean = false>(
    options?: PubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>> {
    this.assertOpen();
    try {
      return await this.newPubSub<ItemOf<D, NameIn<F>, Ignore, Gaps>>(options as object).open();
    } catch (error) {
      throw withCaller(error);
    }
  }

  /** A consumer of shard channels (server 7.0), connected and subscribed to what the options name. */
  async shardedPubsub<
    D = Data,
    F extends NameForm = Form,
    Ignore extends boolean = false,
    Gaps extends boolean = false,
  >(
    options?: ShardedPubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<ShardedPubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>> {
    this.assertOpen();
    try {
      return await this.newShardedPubSub<ItemOf<D, NameIn<F>, Ignore, Gaps>>(options as object).open();
    } catch (error) {
      throw withCaller(error);
    }
  }

  /**
   * The short way to a consumer of channels: one that shares its connection with others of the client, and shows messages
   * alone (`{ shared: true, ignoreSubscribeMessages: true }`, which the options may change). With a handler, messages go to
   * it.
   */
  subscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    handler?: Handler<ChannelMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  subscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  async subscribe(...args: unknown[]): Promise<unknown> {
    return this.pubsub(readSharedArguments("channel", args) as object);
  }

  /** The same for patterns. */
  psubscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    patterns: NameInput | Iterable<NameInput>,
    handler?: Handler<PatternMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  psubscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    patterns: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  async psubscribe(...args: unknown[]): Promise<unknown> {
    return this.pubsub(readSharedArguments("pattern", args) as object);
  }

  /** The same for shard channels (server 7.0); in a cluster over one connection for each node. */
  ssubscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    handler?: Handler<ChannelMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<ShardedPubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<ShardedPubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  ssubscribe<D = Data, F extends NameForm = Form, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<ShardedPubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<ShardedPubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  async ssubscribe(...args: unknown[]): Promise<unknown> {
    return this.shardedPubsub(readSharedArguments("channel", args) as object);
  }

  /**
   * Drains its consumers, lets the commands that are on their way be answered, then closes; after `timeout` milliseconds
   * (default 5000) it closes all the same. For SIGTERM: what has arrived is worked off.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    checkOptions("drain", options, drainOptions);
    const timeout = options.timeout ?? 5000;
    const due = performance.now() + timeout;
    await Promise.all(Array.from(this.#consumers, (consumer) => consumer.drain({ timeout })));
    await within(Math.max(0, due - performance.now()), this.answered(), () => {});
    await this.close();
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

  // What the classes are to do, and what they have for it.

  /** A consumer that is not opened. The options are the user's, unchecked. @internal */
  protected abstract newPubSub<Item extends AnyItem>(options: object | undefined): PubSub<Item>;

  /** @internal */
  protected newShardedPubSub<Item extends AnyItem>(options: object | undefined): ShardedPubSub<Item> {
    return new ShardedPubSub<Item>(this as unknown as SubscriberSource, options);
  }

  /** What every consumer needs of a client, but for what the classes add. @internal */
  protected consumerSource(readFromReplicas: boolean): Omit<ConsumerSource, "probe"> {
    const { codec, names, retryPolicy, consumers } = this.#options;
    return {
      defaults: { codec, names, retryPolicy, readFromReplicas, ...consumers },
      sharing: new Sharing(),
      emitError: (error) => {
        if (this.listenerCount("error") === 0) return false;
        this.tell("error", error);
        return true;
      },
      retrying: (cause, delay) => this.tell("reconnecting", { delay, cause }),
      release: (connection) => this.pool.release(connection),
      adopt: (consumer) => {
        this.assertOpen();
        this.#consumers.add(consumer);
      },
      disown: (consumer) => {
        if (this.#consumers.delete(consumer)) this.#past = total([this.#past, consumer.stats()]);
      },
    };
  }

  /** Milliseconds that a call waits for a connection. @internal */
  protected get readyTimeout(): number {
    return this.#options.consumers.readyTimeout;
  }

  /** Resolves when no command waits for its answer. @internal */
  protected abstract answered(): Promise<void>;

  /** Sends a PUBLISH or SPUBLISH. @internal */
  protected abstract send(
    command: "PUBLISH" | "SPUBLISH",
    channel: NameInput,
    args: readonly Argument[],
  ): Promise<number>;
  /** Runs any other command; bulk strings as text, or as Buffers. @internal */
  protected abstract run(args: readonly Argument[], wantsText: boolean): Promise<Reply>;
  /** Runs a command on every node; bulk strings as text, or as Buffers. @internal */
  protected abstract everywhere(args: readonly Argument[], wantsText: boolean): Promise<Reply[]>;
  /** Ends the connections for commands. @internal */
  protected abstract end(): Promise<void>;

  /** @internal */
  protected assertOpen(): void {
    if (this.#closing !== null) throw new ClosedError("The client is closed.");
  }

  /** What a listener throws is the process's affair; it must not reach the connection that caused the event. @internal */
  protected tell<Name extends keyof ClientEvents>(name: Name, ...args: ClientEvents[Name]): void {
    try {
      inRootContext(() => this.emit(name, ...args));
    } catch (error) {
      surface(error);
    }
  }

  /** The primary that commands go to has become a replica. @internal */
  protected tellDemotion(error: PubSubError): void {
    if (this.listenerCount("error") > 0) this.tell("error", error);
  }

  /** Commands can no longer be served; told where no call was. @internal */
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
