import type { Gap, PubSub, PublishedMessage, Redis } from "tidings";
import { expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Ledger, type LedgerReport, type Route } from "../support/ledger.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { type Stamper, startStamper } from "../support/stamper.ts";
import { QUICK } from "./bench.ts";

export interface WitnessOptions {
  /** Channels that are read by an iterator. */
  readonly channels?: readonly string[] | undefined;
  /** Patterns that are read by an iterator. */
  readonly patterns?: readonly string[] | undefined;
  /** Channels whose messages handlers take. */
  readonly handled?: readonly string[] | undefined;
  readonly subscriptionTimeout?: number | undefined;
}

/** A consumer of which everything it is told is written down, in order, and compared with what was published. */
export class Witness {
  readonly consumer: PubSub;
  /** What was told, in the order in which it was. */
  readonly gaps: Gap<string | Buffer>[] = [];
  readonly #read = new Ledger();
  readonly #handled = new Ledger();
  readonly #routes: readonly Route[];
  /** Settles when the consumer is closed; what went wrong while reading. */
  readonly #reading: Promise<unknown>;

  /** Use {@link openWitness}. */
  constructor(consumer: PubSub, reading: Promise<unknown>, ledgers: { read: Ledger; handled: Ledger }, routes: Route[]) {
    this.consumer = consumer;
    this.#reading = reading;
    this.#read = ledgers.read;
    this.#handled = ledgers.handled;
    this.#routes = routes;
  }

  /** How many messages came. */
  get received(): number {
    return this.#read.received + this.#handled.received;
  }

  /** Waits until `count` messages more have come. */
  async receivesMore(count: number): Promise<void> {
    const before = this.received;
    await eventually(() => expect(this.received).toBeGreaterThanOrEqual(before + count));
  }

  /**
   * Ends the publishing, waits for the last message, and throws unless all came once and in order, but for what lies
   * between the last message before a reported gap and the first one after it.
   */
  async verify(stamper: Stamper): Promise<LedgerReport> {
    const published = await stamper.stop();
    const options = { routes: this.#routes };
    await eventually(() => {
      const seen = new Set([...this.#read.behind(published, options), ...this.#handled.behind(published, options)]);
      expect([...seen]).toEqual([]);
    });
    return this.#read.verify(published, options);
  }

  async close(): Promise<void> {
    await this.consumer.close();
    await this.#reading;
  }
}
