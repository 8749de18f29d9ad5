import { getEventListeners } from "node:events";
import type { ItemOf, PubSub, Redis } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap } from "../support/leaks.ts";
import { watchResources } from "../support/resource-watch.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, nextData, onEveryProtocol, QUICK, rejection } from "./fixtures.ts";

type Reader = PubSub<ItemOf<string, string, true>>;

/** The ways to leave a loop; each leaves the consumer with unread messages, readers that wait, or both. */
const leave: Readonly<Record<string, (consumer: Reader, signal: AbortSignal) => Promise<void>>> = {
  async byBreak(consumer) {
    for await (const _message of consumer.messages()) break;
  },
  async byReturn(consumer, signal) {
    const iterator = consumer.messages({ signal });
    await iterator.next();
    const waiting = [iterator.next(), iterator.next(), iterator.next()];
    await iterator.return?.();
    await Promise.all(waiting);
  },
  async byThrow(consumer) {
    const iterator = consumer[Symbol.asyncIterator]();
    await iterator.next();
    await rejection(iterator.throw?.(new Error("left")) ?? Promise.resolve());
  },
  async byAnErrorInTheLoop(consumer, signal) {
    const loop = async () => {
      for await (const _batch of consumer.batches({ signal })) throw new Error("left");
    };
    await rejection(loop());
  },
  async byForgetting(consumer, signal) {
    const iterators = [consumer.messages({ signal }), consumer.messages(), consumer[Symbol.asyncIterator]()];
    for (const iterator of iterators) void iterator.next();
  },
  async byASignal(consumer) {
    const abort = new AbortController();
    const iterator = consumer.batches({ signal: abort.signal, until: "closed" });
    await iterator.next();
    const waiting = rejection(iterator.next());
    abort.abort(new Error("left"));
    await waiting;
  },
  async byTimeouts(consumer, signal) {
    for (let count = 0; count < 3; count++) await consumer.receive({ timeout: 60_000, signal });
    await Promise.allSettled([
      consumer.receive({ timeout: 0, signal }),
      consumer.receive({ timeout: 1, signal }),
      consumer.getMessage({ timeout: 1, signal }),
    ]);
    // These two wait until the consumer is closed.
    void rejection(consumer.receive({ timeout: 60_000, signal }));
    void consumer.getMessage({ timeout: 60_000, signal });
  },
};

/** Opens, reads, leaves, closes. */
async function cycle(bench: Bench, client: Redis, left: (typeof leave)[string], signal: AbortSignal): Promise<void> {
  const consumer = await client.pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true, signal });
  for (const payload of ["1", "2", "3"]) await bench.control.command("PUBLISH", "a", payload);
  await left(consumer, signal);
  await consumer.close();
}

// Row 26.
onEveryProtocol("an iterator that is abandoned", (bench) => {
  test.each(Object.entries(leave))(
    "%s leaves nothing behind in 100 cycles",
    { timeout: 60_000 },
    async (_way, left) => {
      // Listening for its abort is all that a signal notices of its users.
      const { signal } = new AbortController();
      await bench.control.command("PING");
      const before = baseline();
      using watch = watchResources();
      const client = bench.client();
      for (let count = 0; count < 100; count++) await cycle(bench, client, left, signal);
      await expectServerTruth(bench.server, {});
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
      await client.close();
      await watch.expectNone();
      await expectBaseline(before);
    },
  );

  test("leaves the heap as it was", { timeout: 60_000 }, async () => {
    const { signal } = new AbortController();
    const client = bench.client();
    const ways = Object.values(leave);
    let count = 0;
    const growth = await expectSteadyHeap(
      async () => {
        const left = ways[count++ % ways.length];
        if (left !== undefined) await cycle(bench, client, left, signal);
      },
      { warmup: 10 * ways.length, cycles: 20 * ways.length },
    );
    expect(growth).toBeLessThan(256 * 1024);
  });

  test("leaves the consumer as it was: nothing of the rest is lost, and a later loop reads on", async () => {
    const consumer = await bench.client().pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
    const listeners = () => consumer.eventNames().map((name) => [name, consumer.listenerCount(name as "error")]);
    for (let round = 0; round < 20; round++) {
      for (const payload of ["1", "2", "3", "4", "5"]) await bench.control.command("PUBLISH", "a", payload);
      const read: string[] = [];
      for await (const message of consumer.messages()) {
        read.push(message.data);
        break;
      }
      const iterator = consumer.messages();
      const { value } = await iterator.next();
      read.push(value?.data ?? "");
      await iterator.return?.();
      const left = consumer[Symbol.asyncIterator]();
      read.push((await left.next()).value?.data ?? "");
      await rejection(left.throw?.(new Error("left")) ?? Promise.resolve());
      read.push(await nextData(consumer), await nextData(consumer));
      expect(read).toEqual(["1", "2", "3", "4", "5"]);
    }
    expect(listeners()).toEqual([]);
    await eventually(() => expect(consumer.state).toBe("live"));
  });
});
