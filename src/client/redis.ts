import { Connection, type Timeouts } from "../connection/connection.ts";
import { address, type ConnectionSettings } from "../connection/settings.ts";
import type { NameForm, NameInput } from "../names.ts";
import type { NameIn, PubSubOptions } from "../pubsub/consumer/options.ts";
import { PubSub } from "../pubsub/consumer/pubsub.ts";
import type { SubscriberSource } from "../pubsub/consumer/source.ts";
import type { ChannelMessage, PatternMessage } from "../pubsub/model/message.ts";
import type { DataOf, FormOf, Handler, ItemOf } from "../pubsub/model/types.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { BaseClient } from "./base-client.ts";
import { type ClientState, CommandLink } from "./command-link.ts";
import { type RedisOptions, resolveOptions } from "./options.ts";
import { readSharedArguments, type SharedConsumerOptions } from "./shared-arguments.ts";

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
  extends BaseClient<In, Form>
  implements SubscriberSource
{
  readonly #settings: ConnectionSettings;
  readonly #commands: CommandLink;

  constructor(options?: RedisOptions<Data, In, Form>);
  constructor(url: string | URL, options?: RedisOptions<Data, In, Form>);
  constructor(first?: unknown, second?: unknown) {
    const options = resolveOptions(first, second);
    super(options);
    this.#settings = options.connection;
    this.#commands = new CommandLink(
      {
        address: address(this.#settings.endpoint),
        dial: async (signal) => {
          const connection = await Connection.open(this.#settings, this.timeouts, signal);
          connection.role.demoted = (error) => this.tellDemotion(error);
          this.tell("connect");
          return connection;
        },
        ready: () => this.tell("ready"),
        reconnecting: (cause, delay) => this.tell("reconnecting", { delay, cause }),
        failed: (cause, told) => this.tellFailure(cause, told),
      },
      options,
    );
    this.heedSignal();
  }

  /** `idle` until the first use, `connecting`, `live`, `reconnecting`, `failed` (the next use tries again), `closed`. */
  get state(): ClientState {
    return this.#commands.state;
  }

  /**
   * Connects, within `readyTimeout`. Optional: the first use connects. Rejects with `ServerError` when the login is
   * refused, else with `TimeoutError` whose `cause` says why no attempt succeeded.
   */
  async connect(): Promise<this> {
    await this.#commands.connect(this.defaults.readyTimeout);
    return this;
  }

  /** A consumer of channels and patterns, connected and subscribed to what the options name. */
  async pubsub<D = Data, F extends NameForm = Form, Ignore extends boolean = false, Gaps extends boolean = false>(
    options?: PubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<PubSub<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>> {
    this.assertOpen();
    type Item = ItemOf<D, NameIn<F>, Ignore, Gaps>;
    return new PubSub<Item>(this, options as PubSubOptions<DataOf<Item>, FormOf<Item>>).open();
  }

  /** The short way to a consumer of channels: one that shares its connection with others of the client, and shows messages
   * alone (`{ shared: true, ignoreSubscribeMessages: true }`, which the options may change). With a handler, messages go to it.
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

  /** @internal */
  lease(timeouts: Timeouts, signal: AbortSignal): Promise<Connection> {
    return this.pool.lease(this.#settings, timeouts, signal);
  }

  /** @internal */
  probe(command: "PUBLISH" | "SPUBLISH", channel: Buffer, payload: string): Promise<Reply> {
    return this.#commands.command([command, channel, payload]);
  }

  protected send(_command: string, _channel: NameInput, args: readonly Argument[]): Promise<number> {
    return this.#commands.command(args) as Promise<number>;
  }

  protected run(args: readonly Argument[]): Promise<Reply> {
    return this.#commands.command(args);
  }

  protected async everywhere(args: readonly Argument[], wantsText: boolean): Promise<Reply[]> {
    return [await this.#commands.command(args, wantsText)];
  }

  protected end(): Promise<void> {
    return this.#commands.close();
  }
}
