import {
  type BufferOptions,
  ClusterPubSub,
  type Gap,
  PubSub,
  type Redis,
  type RedisCluster,
  ShardedPubSub,
} from "tidings";
import { Arrived, type Name } from "./arrived.ts";
import type { AnyClient } from "./group.ts";
import type { LifeCycle } from "./life-cycle.ts";

/** What a name is to the server. */
export type Kind = "channel" | "pattern" | "shard";

/** Takes the messages of a name: its channel as text, and the rest on demand. */
type Deliver = (channel: string, arrived: Arrived) => void;

/** A name and who takes its messages. */
export type Subscription = readonly [name: Name, deliver: Deliver];

/** Takes what consumers tell. */
export interface SubscriptionsOwner {
  gap(gap: Gap<string>): void;
  failed(error: Error): void;
}

/** How long an `unsubscribe` and a drain wait for the server; milliseconds. */
const PATIENCE = 5000;

/** As long as a timer can count: a link that does not answer is found dead, and the names are restored on another. */
const LONGEST = 2 ** 31 - 1;

type AnyConsumer = PubSub<never> | ClusterPubSub<never> | ShardedPubSub<never>;

/** The consumers of a face: one for channels and patterns, one for shard channels, each made when it is first needed. */
export class Subscriptions {
  readonly #client: AnyClient;
  readonly #buffer: BufferOptions | undefined;
  readonly #owner: SubscriptionsOwner;
  readonly #lifeCycle: LifeCycle;
  readonly #arrived: Arrived = new Arrived();
  #classic: PubSub | ClusterPubSub | null = null;
  #sharded: ShardedPubSub | null = null;

  constructor(client: AnyClient, buffer: BufferOptions | undefined, lifeCycle: LifeCycle, owner: SubscriptionsOwner) {
    this.#client = client;
    this.#buffer = buffer;
    this.#lifeCycle = lifeCycle;
    this.#owner = owner;
  }

  /** How many names are subscribed: shard channels, or channels and patterns. */
  count(kind: Kind): number {
    if (kind === "shard") return this.#sharded?.channels.size ?? 0;
    return (this.#classic?.channels.size ?? 0) + (this.#classic?.patterns.size ?? 0);
  }

  /** The names that are subscribed, as text. */
  names(kind: Kind): string[] {
    if (kind === "shard") return [...(this.#sharded?.channels.keys() ?? [])];
    return [...((kind === "channel" ? this.#classic?.channels : this.#classic?.patterns)?.keys() ?? [])];
  }

  /** Resolves when the server has confirmed; waits as long as the retry policy of the client goes on. */
  async subscribe(kind: Kind, subscriptions: readonly Subscription[]): Promise<void> {
    const handlers = subscriptions.map(
      ([name, deliver]) => [name.bytes, ({ channel }: { channel: string }) => deliver(channel, this.#arrived)] as const,
    );
    const options = { timeout: LONGEST };
    if (kind === "shard") await this.#shards().subscribe(handlers, options);
    else if (kind === "channel") await this.#classics().subscribe(handlers, options);
    else await this.#classics().psubscribe(handlers, options);
  }

  /** `null`: all of the kind. */
  async unsubscribe(kind: Kind, names: readonly Name[] | null): Promise<void> {
    const given = names === null ? [] : [names.map(({ bytes }) => bytes)];
    if (kind === "shard") await this.#sharded?.unsubscribe(...(given as []));
    else if (kind === "channel") await this.#classic?.unsubscribe(...(given as []));
    else await this.#classic?.punsubscribe(...(given as []));
  }

  /** Unsubscribes, and hears what the server had taken before. */
  async drain(): Promise<void> {
    await Promise.all(this.#consumers().map((consumer) => consumer.drain({ timeout: PATIENCE })));
    this.#classic = this.#sharded = null;
  }

  async close(): Promise<void> {
    const closing = this.#consumers().map((consumer) => consumer.close());
    this.#classic = this.#sharded = null;
    await Promise.all(closing);
  }

  #consumers(): AnyConsumer[] {
    return [this.#classic, this.#sharded].filter((consumer) => consumer !== null) as unknown as AnyConsumer[];
  }

  #classics(): PubSub | ClusterPubSub {
    if (this.#classic === null) {
      const options = this.#options();
      this.#classic = isCluster(this.#client)
        ? new ClusterPubSub(this.#client, options as object)
        : new PubSub(this.#client as Redis, options as object);
      this.#open(this.#classic);
    }
    return this.#classic;
  }

  #shards(): ShardedPubSub {
    if (this.#sharded === null) {
      this.#sharded = new ShardedPubSub(this.#client as Redis, this.#options() as object);
      this.#open(this.#sharded);
    }
    return this.#sharded;
  }

  #options(): object {
    return {
      codec: this.#arrived.codec,
      names: "utf8",
      ignoreSubscribeMessages: true,
      readyTimeout: Number.POSITIVE_INFINITY,
      unsubscriptionTimeout: PATIENCE,
      buffer: this.#buffer,
    };
  }

  #open(consumer: PubSub | ClusterPubSub | ShardedPubSub): void {
    // As one of them: TypeScript calls no overloads of a union.
    const emitter = consumer as unknown as PubSub;
    emitter.on("gap", (gap) => this.#owner.gap(gap));
    emitter.on("error", (error) => this.#owner.failed(error));
    this.#lifeCycle.watch(consumer);
    // What fails here is told by the state, and by the calls that wait.
    consumer.open().catch(() => {});
  }
}

/** Whether it is a client of a cluster. */
export function isCluster(client: AnyClient): client is RedisCluster<unknown, never> {
  return client["~connections"].kind === "cluster";
}
