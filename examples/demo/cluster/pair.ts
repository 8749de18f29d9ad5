import type { ChannelMessage, Gap, RedisCluster, ShardedPubSub } from "tidings";
import { Ledger, type Sums, total } from "../ledger.ts";
import { clock, say, show } from "../print.ts";
import { publishSteadily } from "../publisher.ts";

/** Who publishes what to whom. */
export interface Roles {
  readonly publisher: string;
  readonly reader: string;
  readonly channels: readonly string[];
}

/** A publisher that never stops, and a consumer with a handler for each of its shard channels. */
export class Pair implements AsyncDisposable {
  readonly roles: Roles;
  readonly gaps: Gap<unknown>[] = [];
  readonly #publisher: RedisCluster;
  readonly #reader: RedisCluster;
  readonly #consumer: ShardedPubSub;
  readonly #ledgers: ReadonlyMap<string, Ledger>;

  private constructor(
    roles: Roles,
    publisher: RedisCluster,
    reader: RedisCluster,
    consumer: ShardedPubSub,
    ledgers: ReadonlyMap<string, Ledger>,
  ) {
    this.roles = roles;
    this.#publisher = publisher;
    this.#reader = reader;
    this.#consumer = consumer;
    this.#ledgers = ledgers;
    this.#watch();
  }

  /** The consumer is subscribed when it resolves. */
  static async open(roles: Roles, connect: () => RedisCluster): Promise<Pair> {
    const ledgers = new Map(roles.channels.map((channel) => [channel, new Ledger()]));
    const take = (message: ChannelMessage): void => ledgers.get(message.channel)?.receive(Number(message.data));
    const reader = connect();
    try {
      const consumer = await reader.shardedPubsub({
        channelHandlers: Object.fromEntries(roles.channels.map((channel) => [channel, take])),
      });
      return new Pair(roles, connect(), reader, consumer, ledgers);
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  get isLive(): boolean {
    return this.#consumer.state === "live";
  }

  get caughtUp(): boolean {
    return [...this.#ledgers.values()].every((ledger) => ledger.caughtUp);
  }

  get sums(): Sums {
    return total(Array.from(this.#ledgers.values(), (ledger) => ledger.sums()));
  }

  /** Of all channels together. */
  get published(): number {
    return [...this.#ledgers.values()].reduce((sum, ledger) => sum + ledger.published, 0);
  }

  get received(): number {
    return [...this.#ledgers.values()].reduce((sum, ledger) => sum + ledger.received, 0);
  }

  /** Publishes; resolves when it was told to stop and no publish waits for its answer. */
  async publish(stop: AbortSignal): Promise<void> {
    const each = Array.from(this.#ledgers, ([channel, ledger]) =>
      publishSteadily((data) => this.#publisher.spublish(channel, data), ledger, stop),
    );
    await Promise.all(each);
  }

  /** How often each channel is subscribed, as the servers count it. */
  subscriptions(): Promise<ReadonlyMap<string, number>> {
    return this.#publisher.pubsubShardnumsub(...this.roles.channels);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#publisher.close(), this.#reader.close()]);
  }

  /** Prints how the consumer stands, and tells the ledgers of the windows that are reported. */
  #watch(): void {
    const { reader } = this.roles;
    let since = 0;
    this.#consumer.on("state", (state) => {
      if (state === "closed") return;
      if (state === "reconnecting") since = performance.now();
      const after = state === "live" ? ` again, after ${(performance.now() - since).toFixed(0)} ms` : "";
      say(`${reader} is ${state}${after}`);
    });
    this.#consumer.on("gap", (gap) => {
      this.gaps.push(gap);
      const channels = gap.channels.map(String);
      for (const channel of channels) this.#ledgers.get(channel)?.gap(gap);
      const window = `from ${clock(gap.from)} to ${clock(gap.to)}`;
      show(`${reader} is told of a gap (${gap.cause}) ${window}: ${channels.join(", ")}`);
    });
  }
}
