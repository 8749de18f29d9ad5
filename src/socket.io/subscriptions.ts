import {
  type Consumer,
  type Gap,
  type Message,
  type NameForm,
  type Redis,
  type RedisCluster,
  TidingsError,
} from "tidings";
import { decode } from "./encoding.ts";

/** A client of either kind, whatever its codec. */
export type AnyClient = Redis<unknown, never, NameForm> | RedisCluster<unknown, never, NameForm>;

/** As long as a timer can count: a link that does not answer is found dead, and the names are restored on another. */
const LONGEST = 2 ** 31 - 1;

/** Takes what is heard of a namespace. */
export interface Hearing {
  /** What another server, or this one, published: by its shape a message of an adapter. */
  message(channel: string, message: unknown): void;
  gap(gap: Gap): void;
  error(error: Error): void;
}

/** Names come and go while connections do: they are wanted here, and subscribed as soon as that can be. */
export class Subscriptions {
  readonly #client: AnyClient;
  readonly #sharded: boolean;
  readonly #hearing: Hearing;
  readonly #closing: AbortController = new AbortController();
  #opening: Promise<Consumer<Message>> | null = null;

  constructor(client: AnyClient, sharded: boolean, hearing: Hearing) {
    this.#client = client;
    this.#sharded = sharded;
    this.#hearing = hearing;
  }

  /** Resolves when the server has confirmed, however long that takes; or when it is closed. What is denied is told. */
  async subscribe(...channels: [string, ...string[]]): Promise<void> {
    await this.#patiently(async () => {
      const consumer = await this.#open();
      await consumer.subscribe(channels, ({ channel, data }) => this.#hearing.message(channel, data), {
        timeout: LONGEST,
      });
    });
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#patiently(async () => (await this.#open()).unsubscribe(channel));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const consumer = await this.#opening?.catch(() => null);
    await consumer?.close();
  }

  /** Once more after the client's `readyTimeout`. */
  async #patiently(call: () => Promise<void>): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await call();
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!(error instanceof TidingsError) || error.code !== "TIMEOUT") {
          this.#hearing.error(error as Error);
          return;
        }
      }
    }
  }

  #open(): Promise<Consumer<Message>> {
    this.#opening ??= this.#opened().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #opened(): Promise<Consumer<Message>> {
    const client = this.#client as Redis;
    const options = {
      shared: true,
      names: "utf8",
      ignoreSubscribeMessages: true,
      codec: { decode, encode: refuse },
      signal: this.#closing.signal,
    } as const;
    const consumer = await (this.#sharded ? client.shardedPubsub(options) : client.pubsub(options));
    consumer.on("gap", (gap) => this.#hearing.gap(gap));
    consumer.on("error", (error) => this.#hearing.error(error));
    return consumer as unknown as Consumer<Message>;
  }
}

function refuse(): never {
  throw new TypeError("It only decodes.");
}
