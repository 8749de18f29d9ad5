import { setTimeout as sleep } from "node:timers/promises";
import type { Gap, ItemOf, PubSub, PubSubOptions, Redis } from "tidings";
import { expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Ledger, type ReportOptions, type Route } from "../support/ledger.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { type Stamper, startStamper } from "../support/stamper.ts";
import { QUICK } from "./fixtures.ts";

/** What a witness listens to: in all ways in which a consumer is told of messages. */
interface Interests {
  /** Channels that a loop reads. */
  readonly channels?: readonly string[] | undefined;
  /** Channels whose messages handlers take. */
  readonly handled?: readonly string[] | undefined;
  /** Patterns that a loop reads, with the published channels that they match. */
  readonly patterns?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly subscriptionTimeout?: number | undefined;
  /** Milliseconds between two rounds of messages. Default 2. */
  readonly interval?: number | undefined;
  /** Milliseconds that the loop takes for a message. Default: none. */
  readonly pace?: number | undefined;
  /** Bytes added to each message. Default 0. */
  readonly padding?: number | undefined;
  /** Whether nothing is read before `read()`. Default `false`. */
  readonly away?: boolean | undefined;
  /** Further options of the consumer. */
  readonly options?: Pick<PubSubOptions, "shared" | "buffer" | "audit" | "probe" | "pingTimeout"> | undefined;
}

type Watched = PubSub<ItemOf<string, string, true, true>>;

/** A consumer with a stamper that publishes to it all the time: the oracles of loss, of order and of duplicates. */
export class Witness {
  readonly consumer: Watched;
  readonly stamper: Stamper;
  /** The gaps it was told of, in order. */
  readonly gaps: Gap<string | Buffer>[] = [];
  readonly #read: Ledger = new Ledger();
  readonly #handled: Ledger = new Ledger();
  readonly #readRoutes: Route[];
  readonly #handledRoutes: Route[];
  readonly #pace: number | undefined;

  private constructor(consumer: Watched, stamper: Stamper, handled: Ledger, interests: Interests) {
    this.consumer = consumer;
    this.stamper = stamper;
    this.#handled = handled;
    this.#pace = interests.pace;
    this.#handledRoutes = (interests.handled ?? []).map((channel) => ({ channel, pattern: null }));
    this.#readRoutes = (interests.channels ?? []).map((channel) => ({ channel, pattern: null }));
    for (const [pattern, channels] of Object.entries(interests.patterns ?? {}))
      for (const channel of channels) this.#readRoutes.push({ channel, pattern });
    consumer.on("gap", (gap) => {
      this.gaps.push(gap);
      this.#handled.recordGap(gap);
    });
  }

  /** Opens a consumer and, once it is subscribed, begins to publish on the server, past everything under test. */
  static async open(client: Redis, server: RedisServer, interests: Interests): Promise<Witness> {
    const {
      channels = [],
      handled = [],
      patterns = {},
      subscriptionTimeout,
      interval = 2,
      padding,
      options,
    } = interests;
    const ledger = new Ledger();
    const consumer = await client.pubsub({
      // The connection of a shared consumer is the client's.
      ...(options?.shared ? {} : QUICK),
      ...options,
      channels,
      patterns: Object.keys(patterns),
      channelHandlers: handled.map((channel) => [channel, ledger.record] as const),
      ignoreSubscribeMessages: true,
      includeGaps: true,
      subscriptionTimeout,
    });
    const published = new Set([...channels, ...handled, ...Object.values(patterns).flat()]);
    const stamper = startStamper({ sender: server.openControl(), channels: [...published], interval, padding });
    const witness = new Witness(consumer, stamper, ledger, interests);
    if (!interests.away) witness.read();
    return witness;
  }

  /** Begins to read, where the witness was told to stay away. */
  read(): void {
    void this.#listen();
  }

  /** How many messages have come. */
  get received(): number {
    return this.#read.received + this.#handled.received;
  }

  /** Waits until so many messages more have come, whatever happens to them on their way. */
  async receives(count: number): Promise<void> {
    const before = this.received;
    await eventually(() => expect(this.received).toBeGreaterThanOrEqual(before + count), { timeout: 15_000 });
  }

  /**
   * Ends the publishing, waits for the last message, and throws unless every message came once and in order, or is inside
   * a gap that was told, by order and by time. Gives the number of missing ones.
   */
  async verify(options: Omit<ReportOptions, "routes"> = {}): Promise<number> {
    const published = await this.stamper.stop();
    const ledgers = [
      { ledger: this.#read, routes: this.#readRoutes },
      { ledger: this.#handled, routes: this.#handledRoutes },
    ];
    await eventually(() =>
      expect(ledgers.flatMap(({ ledger, routes }) => ledger.behind(published, { routes }))).toEqual([]),
    );
    const holes = ledgers.flatMap(({ ledger, routes }) => ledger.verify(published, { ...options, routes }).holes);
    return holes.reduce((sum, { missing }) => sum + missing, 0);
  }

  async #listen(): Promise<void> {
    for await (const item of this.consumer.messages({ until: "closed" })) {
      if (this.#pace !== undefined) await sleep(this.#pace);
      if (item.type === "gap") this.#read.recordGap(item);
      else this.#read.record(item);
    }
  }
}
