import { Connection } from "../connection/connection.ts";
import { withClusterAdvice } from "../connection/refusals.ts";
import { address, type ConnectionSettings } from "../connection/settings.ts";
import type { NameForm, NameInput } from "../names.ts";
import type { NameIn } from "../pubsub/consumer/options.ts";
import { PubSub } from "../pubsub/consumer/pubsub.ts";
import type { ServerConnections, SubscriberSource } from "../pubsub/consumer/source.ts";
import type { AnyItem } from "../pubsub/model/types.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { BaseClient } from "./base-client.ts";
import type { Client } from "./client.ts";
import { type ClientState, CommandLink } from "./command-link.ts";
import { type RedisOptions, resolveOptions } from "./options.ts";

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
  extends BaseClient<Data, In, Form>
  implements SubscriberSource, Client<In, NameIn<Form>, Data>
{
  /** For `new PubSub(client)` and its like; nothing for users. */
  readonly "~connections": SubscriberSource["~connections"];
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
    const source: ServerConnections = {
      kind: "server",
      ...this.consumerSource(false),
      lease: (timeouts, signal) => this.pool.lease(this.#settings, timeouts, signal),
      probe: (command, channel, payload) => this.#commands.command([command, channel, payload]),
    };
    this["~connections"] = source;
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
    await this.#commands.connect(this.readyTimeout);
    return this;
  }

  /** @internal */
  protected override newPubSub<Item extends AnyItem>(options: object | undefined): PubSub<Item> {
    return new PubSub<Item>(this, options);
  }

  /** @internal */
  protected answered(): Promise<void> {
    return this.#commands.answered();
  }

  /** @internal */
  protected send(command: string, _channel: NameInput, args: readonly Argument[]): Promise<number> {
    const reply = this.#commands.command(args) as Promise<number>;
    return command === "PUBLISH" ? reply : reply.catch(told);
  }

  /** @internal */
  protected run(args: readonly Argument[], wantsText: boolean): Promise<Reply> {
    return this.#commands.command(args, wantsText).catch(told);
  }

  /** @internal */
  protected async everywhere(args: readonly Argument[], wantsText: boolean): Promise<Reply[]> {
    return [await this.#commands.command(args, wantsText)];
  }

  /** @internal */
  protected end(): Promise<void> {
    return this.#commands.close();
  }
}

function told(error: unknown): never {
  throw withClusterAdvice(error);
}
