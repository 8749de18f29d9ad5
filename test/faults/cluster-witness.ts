import type {
  ClusterPubSub,
  ClusterPubSubOptions,
  Consumer,
  Gap,
  ItemOf,
  RedisCluster,
  ShardedPubSub,
  State,
} from "tidings";
import { expect } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";
import type { WindowLimit } from "../support/gap-window.ts";
import { Ledger, type LedgerMessage } from "../support/ledger.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { startShardStamper } from "../support/shard-sender.ts";
import { type Stamper, startStamper } from "../support/stamper.ts";
import { QUICK } from "./fixtures.ts";

/** All that a consumer may be told of but confirmations. */
type Watched = ItemOf<string, string, true, true>;

/** What a witness listens to: in both ways in which a consumer is told of messages. */
interface Interests {
  /** Channels that a loop reads. */
  readonly channels?: readonly string[] | undefined;
  /** Channels whose messages handlers take. */
  readonly handled?: readonly string[] | undefined;
  /** Milliseconds between two messages on a channel. Default 5. */
  readonly interval?: number | undefined;
  /** How long a shard message is tried that no node takes, in milliseconds. Default 10,000. */
  readonly patience?: number | undefined;
  /** Further options of the consumer. */
  readonly options?: Pick<
    ClusterPubSubOptions,
    | "audit"
    | "probe"
    | "shared"
    | "buffer"
    | "readFromReplicas"
    | "subscriptionTimeout"
    | "maxIdle"
    | "pingTimeout"
    | "retryPolicy"
  >;
}

/** A generous limit for what should take tenths of a second, in milliseconds. */
const LONG = 15_000;

/**
 * A consumer in a cluster with a stamper that publishes to it all the time, past everything under test: the oracles of
 * loss, of order and of duplicates.
 */
export class ClusterWitness<C extends Consumer<Watched>> {
  readonly consumer: C;
  readonly stamper: Stamper;
  /** The gaps it was told of, in order. */
  readonly gaps: Gap<string | Buffer>[] = [];
  /** The states it has entered since it was opened, in order. */
  readonly states: State[] = [];
  /** What the consumer said by `error`: nothing, if all is well. */
  readonly errors: Error[] = [];
  readonly #books: Books;
  readonly #limits: readonly WindowLimit[];

  private constructor(consumer: C, stamper: Stamper, books: Books, limits: readonly WindowLimit[]) {
    this.consumer = consumer;
    this.stamper = stamper;
    this.#books = books;
    this.#limits = limits;
    consumer.on("gap", (gap) => {
      this.gaps.push(gap);
      books.handled.recordGap(gap);
    });
    consumer.on("state", (state) => this.states.push(state));
    consumer.on("error", (error) => this.errors.push(error));
  }

  /** Shard channels, published at the primaries of their slots, wherever these move. */
  static async sharded(
    client: RedisCluster,
    cluster: TestCluster,
    interests: Interests,
  ): Promise<ClusterWitness<ShardedPubSub<Watched>>> {
    const books = new Books(interests);
    const consumer = await client.shardedPubsub(optionsOf(interests, books));
    const { interval, patience = 10_000, options } = interests;
    const stamper = startShardStamper(cluster, { channels: books.channels, interval, patience });
    const witness = new ClusterWitness(consumer, stamper, books, options?.readFromReplicas ? ["replica lag"] : []);
    void witness.#listen();
    return witness;
  }

  /** Classic channels, published at a node that is to live on. */
  static async classic(
    client: RedisCluster,
    through: ClusterNode,
    interests: Interests,
  ): Promise<ClusterWitness<ClusterPubSub<Watched>>> {
    const books = new Books(interests);
    const consumer = await client.pubsub(optionsOf(interests, books));
    const { interval } = interests;
    const stamper = startStamper({ sender: through.openControl(), channels: books.channels, interval });
    const witness = new ClusterWitness(consumer, stamper, books, ["cluster bus"]);
    void witness.#listen();
    return witness;
  }

  /** How many messages have come. */
  get received(): number {
    return this.#books.read.received + this.#books.handled.received;
  }

  /** Waits until so many messages more have come on each of the channels (default: all), whatever befalls them. */
  async receives(
    count: number,
    channels: readonly string[] = this.#books.channels,
    timeout: number = LONG,
  ): Promise<void> {
    const { counts } = this.#books;
    const goals = channels.map((channel) => [channel, (counts.get(channel) ?? 0) + count] as const);
    await eventually(
      () => {
        const behind = goals.filter(([channel, goal]) => (counts.get(channel) ?? 0) < goal).map(([channel]) => channel);
        expect(behind, `nothing comes any more, state ${this.consumer.state}`).toEqual([]);
      },
      { timeout },
    );
  }

  /** Waits until the consumer is live. */
  async live(): Promise<void> {
    await eventually(() => expect(this.consumer.state).toBe("live"), { timeout: LONG });
  }

  /**
   * Ends the publishing, waits for the last message, and throws unless every message came once and in order, or is inside
   * a gap that was told, by order and by time. Gives the number of missing ones.
   */
  async verify({ limits = [] }: { readonly limits?: readonly WindowLimit[] | undefined } = {}): Promise<number> {
    const published = await this.stamper.stop();
    const ledgers = this.#books.ledgers;
    await eventually(() =>
      expect(ledgers.flatMap(({ ledger, routes }) => ledger.behind(published, { routes }))).toEqual([]),
    );
    expect(this.errors).toEqual([]);
    const options = { limits: [...this.#limits, ...limits] };
    const holes = ledgers.flatMap(({ ledger, routes }) => ledger.verify(published, { ...options, routes }).holes);
    return holes.reduce((sum, { missing }) => sum + missing, 0);
  }

  async #listen(): Promise<void> {
    const { read } = this.#books;
    for await (const item of this.consumer.messages({ until: "closed" })) {
      if (item.type === "gap") read.recordGap(item);
      else this.#books.note(read, item);
    }
  }
}

/** What came, by both ways. */
class Books {
  readonly channels: readonly string[];
  readonly read: Ledger = new Ledger();
  readonly handled: Ledger = new Ledger();
  /** Messages by channel. */
  readonly counts: Map<string, number> = new Map();
  readonly #interests: Interests;

  constructor(interests: Interests) {
    this.#interests = interests;
    this.channels = [...(interests.channels ?? []), ...(interests.handled ?? [])];
  }

  /** Each ledger with the ways on which everything should have come. */
  get ledgers() {
    const { channels = [], handled = [] } = this.#interests;
    return [
      { ledger: this.read, routes: channels.map((channel) => ({ channel, pattern: null })) },
      { ledger: this.handled, routes: handled.map((channel) => ({ channel, pattern: null })) },
    ];
  }

  note(ledger: Ledger, message: LedgerMessage): void {
    const channel = String(message.channel);
    this.counts.set(channel, (this.counts.get(channel) ?? 0) + 1);
    ledger.record(message);
  }
}

function optionsOf({ channels, handled = [], options }: Interests, books: Books) {
  const handler = (message: LedgerMessage) => books.note(books.handled, message);
  return {
    // The connections of a shared consumer are the client's.
    ...(options?.shared ? {} : QUICK),
    ...options,
    channels,
    channelHandlers: handled.map((channel) => [channel, handler] as const),
    ignoreSubscribeMessages: true as const,
    includeGaps: true as const,
  };
}
