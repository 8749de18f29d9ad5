import { setTimeout as sleep } from "node:timers/promises";
import { type BufferOptions, type Gap, type ItemOf, type PubSub, PubSubError } from "tidings";
import { expect, test } from "vitest";
import { subscriberClients } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { heapUsed } from "../support/leaks.ts";
import { Ledger } from "../support/ledger.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { Stamper } from "../support/stamper.ts";
import { type Bench, onEveryProtocol, QUICK, rejection } from "./fixtures.ts";

const LIMIT = 100;
/** What is published: far more than fits, and less than makes the server cut a subscriber. */
const TOTAL = 4000;
const PADDING = 4096;
/** Milliseconds for each message. */
const SLOW = 50;

const policies = ["pause", "drop-oldest", "drop-newest"] as const;

type Slow = PubSub<ItemOf<string, string, true, true>>;

function stamperOf(bench: Bench, padding: number): Stamper {
  return new Stamper({ sender: bench.server.openControl(), channels: ["a"], padding });
}

async function rounds(stamper: Stamper, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => stamper.round()));
}

/** A consumer that takes its time for each message until it is told to hurry, and what it has seen. */
class SlowConsumer {
  readonly consumer: Slow;
  readonly ledger: Ledger = new Ledger();
  readonly gaps: Gap<string | Buffer>[] = [];
  /** How a loop over its messages ended. */
  ended: Promise<unknown> = Promise.resolve();
  #hurries = false;

  private constructor(consumer: Slow) {
    this.consumer = consumer;
    consumer.on("gap", (gap) => this.gaps.push(gap));
  }

  static async open(bench: Bench, buffer: BufferOptions, by: "loop" | "handler" = "loop"): Promise<SlowConsumer> {
    const options = { ...QUICK, buffer, ignoreSubscribeMessages: true, includeGaps: true } as const;
    const slow = new SlowConsumer(await bench.client().pubsub(options));
    if (by === "handler") {
      slow.consumer.on("gap", slow.ledger.recordGap);
      await slow.consumer.subscribe("a", (message) => {
        slow.ledger.record(message);
        return slow.#rest();
      });
    } else {
      await slow.consumer.subscribe("a");
      slow.ended = slow.#read().catch((error: unknown) => error);
    }
    return slow;
  }

  hurry(): void {
    this.#hurries = true;
  }

  async #read(): Promise<void> {
    for await (const item of this.consumer.messages({ until: "closed" })) {
      if (item.type === "gap") this.ledger.recordGap(item);
      else {
        this.ledger.record(item);
        await this.#rest();
      }
    }
  }

  #rest(): Promise<void> {
    return this.#hurries ? Promise.resolve() : sleep(SLOW);
  }
}

/** Bytes in use, buffers included. */
async function memory(): Promise<number> {
  const heap = await heapUsed();
  return heap + process.memoryUsage().arrayBuffers;
}

onEveryProtocol("a consumer that is slower than its publisher", (bench) => {
  // Row 24.
  test.each(policies.flatMap((overflow) => (["loop", "handler"] as const).map((by) => [overflow, by] as const)))(
    "holds no more than its limit, and its counts are exact: %s, with a %s",
    async (overflow, by) => {
      const slow = await SlowConsumer.open(bench, { limit: LIMIT, overflow }, by);
      const { consumer, ledger } = slow;
      const stamper = stamperOf(bench, PADDING);
      const before = await memory();
      let most = 0;
      for (let published = 0; published < TOTAL; published += 50) {
        await rounds(stamper, 50);
        most = Math.max(most, consumer.stats().pending);
      }
      await eventually(() => expect(ledger.received).toBeGreaterThanOrEqual(10));
      // It was full; one that pauses may have had room again for half of it when it was looked at.
      expect([most >= LIMIT / 2, most <= LIMIT]).toEqual([true, true]);
      // All that was published is four times as much.
      expect((await memory()) - before).toBeLessThan((TOTAL * PADDING) / 4);
      if (overflow === "pause") expect(consumer.stats()).toMatchObject({ dropped: 0, gaps: 0 });
      else await eventually(() => expect(consumer.stats().received).toBe(TOTAL));
      const { received, delivered, dropped, pending } = consumer.stats();
      expect(received).toBe(delivered + dropped + pending);
      expect([delivered, pending <= LIMIT]).toEqual([ledger.received, true]);

      slow.hurry();
      await eventually(() => expect(consumer.stats()).toMatchObject({ received: TOTAL, pending: 0 }));
      await eventually(() => expect(ledger.received).toBe(consumer.stats().delivered));
      const { holes } = ledger.verify(await stamper.stop(), { routes: [{ channel: "a", pattern: null }] });
      const missing = holes.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      expect([missing, missing > 0]).toEqual([consumer.stats().dropped, overflow !== "pause"]);
      expect(consumer.stats().delivered).toBe(TOTAL - missing);
      expect(slow.gaps.map(({ cause, certain }) => [cause, certain])).toEqual(slow.gaps.map(() => ["overflow", true]));
      expect(slow.gaps.reduce((sum, gap) => sum + (gap.dropped ?? 0), 0)).toBe(missing);
    },
  );

  // Row 24.
  test("fails where it is told to, after what it holds was read, and its counts are exact", async () => {
    const slow = await SlowConsumer.open(bench, { limit: LIMIT, overflow: "error" });
    const { consumer, ledger } = slow;
    const errors: unknown[] = [];
    consumer.on("error", (error) => errors.push(error));
    const stamper = stamperOf(bench, PADDING);
    await rounds(stamper, TOTAL);
    await eventually(() => expect(consumer.state).toBe("failed"));
    expect(consumer.stats().pending).toBeLessThanOrEqual(LIMIT);
    slow.hurry();
    const cause = await deadline(slow.ended, 10_000, "the loop to end");
    expect(cause).toBeInstanceOf(PubSubError);
    expect(errors).toEqual([cause]);
    const { received, delivered, dropped, pending } = consumer.stats();
    expect([delivered, pending]).toEqual([ledger.received, 0]);
    expect(received).toBe(delivered + dropped);
    expect(await rejection(consumer.receive())).toBe(cause);
    await expectServerTruth(bench.server, {});
  });
});

onEveryProtocol(
  "a consumer that pauses for longer than the server bears",
  (bench) => {
    // Row 23.
    test("is cut, reads what had arrived, and is told by a gap that the server may have overflowed", async () => {
      const slow = await SlowConsumer.open(bench, { limit: 10 });
      const { consumer, ledger } = slow;
      // Valkey 9 keeps texts of 16 KiB and more only once, and counts them in no client's buffer.
      const stamper = stamperOf(bench, 15 * 1024);
      const [before] = await subscriberClients(bench.control);
      // First the sockets fill, then the server's own buffer.
      for (let published = 0; (await subscriberClients(bench.control)).length > 0; published += 10) {
        expect(published).toBeLessThan(8000);
        await rounds(stamper, 10);
      }
      // Nobody reads, so nobody has noticed.
      expect([consumer.state, consumer.stats().gaps]).toEqual(["live", 0]);
      slow.hurry();
      await expectServerTruth(bench.server, { channels: ["a"] });
      expect((await subscriberClients(bench.control))[0]?.id).not.toBe(before?.id);
      await rounds(stamper, 20);
      const published = await stamper.stop();
      await eventually(() => expect(ledger.behind(published)).toEqual([]));
      expect(ledger.verify(published).holes).toHaveLength(1);
      expect(slow.gaps).toMatchObject([{ cause: "server-overflow", channels: ["a"], dropped: null, certain: false }]);
      expect(consumer.stats()).toMatchObject({ dropped: 0, gaps: 1, reconnects: 1, received: ledger.received });
    });
  },
  { config: ["client-output-buffer-limit pubsub 1mb 0 0"] },
);
