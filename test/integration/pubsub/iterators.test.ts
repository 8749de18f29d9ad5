import type { Message, PublishedMessage } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { leftOver, message, nextItems, onEveryKind, receiveMany, rejection } from "./fixtures.ts";

/** Runs a loop to its end. */
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

onEveryKind("iterators", (bench) => {
  test.runIf(bench.patterns)(
    "the default iterator yields confirmations and messages, and ends behind the last unsubscribe",
    async () => {
      const consumer = await bench.consumer({ channels: "a", patterns: "p*" });
      const loop = all<Message>(consumer);
      await bench.publish("a", "1");
      await bench.publish("pp", "2");
      await consumer.unsubscribe("a");
      await bench.publish("pp", "3");
      await consumer.punsubscribe();
      expect((await loop).map(({ type, data }) => [type, data])).toEqual([
        ["subscribe", 1],
        ["psubscribe", 2],
        ["message", "1"],
        ["pmessage", "2"],
        ["unsubscribe", 1],
        ["pmessage", "3"],
        ["punsubscribe", 0],
      ]);
      expect([consumer.closed, consumer.state]).toEqual([false, "live"]);
    },
  );

  test("it leaves out what handlers take", async () => {
    let handled = 0;
    const consumer = await bench.consumer({ channels: "a", channelHandlers: { h: () => handled++ } });
    const loop = all<Message>(consumer);
    for (const channel of ["h", "a", "h"]) await bench.publish(channel, "x");
    await consumer.unsubscribe();
    expect(await loop).toEqual([
      bench.confirmation("subscribe", "a", 1),
      bench.confirmation("subscribe", "h", 2),
      message("a", "x"),
      bench.confirmation("unsubscribe", "a", 1),
      bench.confirmation("unsubscribe", "h", 0),
    ]);
    expect(handled).toBe(2);
  });

  test("what is unread when all is unsubscribed is yielded before the end", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    await consumer.unsubscribe();
    expect((await all(consumer)).map(({ data }) => data)).toEqual(["1", "2", "3"]);
    expect(await all(consumer)).toEqual([]);
  });

  test("it does not end while an unsubscribe awaits its confirmation", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    await bench.publish("a", "on its way");
    const unsubscribed = consumer.unsubscribe();
    const loop = all(consumer);
    await unsubscribed;
    expect((await loop).map(({ data }) => data)).toEqual(["on its way"]);
  });

  test("a new loop follows a later subscribe", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const round of ["1", "2", "3"]) {
      const loop = all(consumer);
      await bench.publish("a", round);
      await consumer.unsubscribe();
      expect(await loop).toEqual([message("a", round)]);
      await consumer.subscribe("a");
    }
  });

  test("break ends the loop and not the consumer", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    for await (const item of consumer) {
      expect(item).toEqual(message("a", "1"));
      break;
    }
    for await (const item of consumer.messages()) {
      expect(item).toEqual(message("a", "2"));
      break;
    }
    expect([consumer.closed, consumer.subscribed]).toEqual([false, true]);
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "3")]);
  });

  test("an error thrown in the loop's body leaves the consumer as it is", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const thrown = new Error("mine");
    const loop = (async () => {
      for await (const item of consumer) if (item.type.endsWith("subscribe")) throw thrown;
    })();
    expect(await rejection(loop)).toBe(thrown);
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });

  test("return settles a pending next at once, and takes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    for (const iterator of [consumer[Symbol.asyncIterator](), consumer.messages(), consumer.batches()]) {
      const pending = [iterator.next(), iterator.next()];
      expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
      expect(await Promise.all(pending)).toEqual(new Array(2).fill({ done: true, value: undefined }));
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    }
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });

  test("throw ends the iterator and rejects with the error", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const iterator = consumer.messages();
    const pending = iterator.next();
    const thrown = new Error("mine");
    expect(await rejection(Promise.resolve(iterator.throw?.(thrown)))).toBe(thrown);
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  test("iterators are objects, iterable themselves, and no generators", async () => {
    const consumer = await bench.consumer();
    for (const iterator of [consumer[Symbol.asyncIterator](), consumer.messages(), consumer.batches()]) {
      expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
      expect(Object.prototype.toString.call(iterator)).not.toContain("Generator");
    }
  });

  test("messages yields published messages alone and ends like the default iterator", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const loop = all<PublishedMessage>(consumer.messages());
    await bench.publish("a", "1");
    await consumer.subscribe("b");
    await bench.publish("b", "2");
    await consumer.unsubscribe();
    expect(await loop).toEqual([message("a", "1"), message("b", "2")]);
  });

  test("an aborted signal ends messages with its reason, and takes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const abort = new AbortController();
    const reason = new Error("enough");
    const iterator = consumer.messages({ signal: abort.signal });
    const pending = rejection(iterator.next());
    abort.abort(reason);
    expect(await pending).toBe(reason);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await rejection(consumer.messages({ signal: abort.signal }).next())).toBe(reason);
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });

  test.runIf(bench.kind === "server").each(["messages", "batches"] as const)(
    "%s yield what came with the abort, and then reject with its reason",
    async (how) => {
      const abort = new AbortController();
      const reason = new Error("enough");
      const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
      const iterator = consumer[how]({ signal: abort.signal });
      const next = iterator.next();
      // In the turn in which it arrives.
      const arrived = new Promise<void>((resolve) => {
        void consumer.subscribe("b", () => {
          abort.abort(reason);
          resolve();
        });
      });
      await bench.truth({ channels: ["a", "b"] });
      await bench.control.command("EVAL", "redis.call('publish', 'a', '1') redis.call('publish', 'b', '2')", 0);
      await arrived;
      expect(await next).toMatchObject({ done: false });
      expect(await rejection(iterator.next())).toBe(reason);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    },
  );

  test("closeOnReturn closes the consumer when the loop is left", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    await bench.publish("a", "1");
    for await (const _ of consumer.messages({ closeOnReturn: true })) break;
    expect(consumer.closed).toBe(true);
    await bench.truth({});
  });

  test('until: "closed" outlives an empty set of subscriptions', async () => {
    const consumer = await bench.consumer();
    const loop = all(consumer.messages({ until: "closed" }));
    const batches = all(consumer.batches({ until: "closed" }));
    for (const round of ["1", "2"]) {
      await consumer.subscribe("a");
      await bench.publish("a", round);
      await consumer.unsubscribe();
    }
    await consumer.close();
    const seen = [...(await loop), ...(await batches).flat()];
    expect(seen.map(({ data }) => data).sort()).toEqual(["1", "2"]);
  });

  test("batches yields what is there, in order, never an empty batch, and ends", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const client = bench.client();
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.publish("a", String(n))));
    await consumer.subscribe("b");
    const batches = consumer.batches();
    const first = await batches.next();
    expect(first.value?.map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    const waiting = batches.next();
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.publish("b", String(n))));
    await consumer.unsubscribe();
    const rest = [(await waiting).value ?? [], ...(await all(batches))];
    expect(rest.every((batch) => batch.length > 0)).toBe(true);
    expect(rest.flat().map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    expect(await leftOver(consumer)).toEqual([]);
  });

  test("batches skip what handlers took and end at the close", async () => {
    const consumer = await bench.consumer({ channels: "a", channelHandlers: { h: () => {} } });
    const loop = all(consumer.batches());
    for (const [channel, payload] of ["h1", "a2", "h3", "a4"].map((word) => [...word])) {
      await bench.publish(String(channel), String(payload));
    }
    // Behind all of them.
    await consumer.subscribe("b");
    await eventually(async () => expect(await bench.publish("b", "x")).toBe(1));
    await consumer.unsubscribe();
    expect((await loop).flat().map(({ data }) => data)).toEqual(["2", "4", "x"]);
  });

  test("a pending next ends when the consumer closes", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const pending = [
      consumer[Symbol.asyncIterator]().next(),
      consumer.messages().next(),
      consumer.messages({ until: "closed" }).next(),
      consumer.batches().next(),
    ];
    await consumer.close();
    expect(await Promise.all(pending)).toEqual(new Array(4).fill({ done: true, value: undefined }));
    expect(await consumer.messages().next()).toEqual({ done: true, value: undefined });
  });

  test("many pending nexts of one iterator are answered in order", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const iterator = consumer.messages();
    const pending = Array.from({ length: 20 }, () => iterator.next());
    for (let n = 0; n < 10; n++) await bench.publish("a", String(n));
    const first = await Promise.all(pending.slice(0, 10));
    expect(first.map(({ value }) => value?.data)).toEqual(Array.from({ length: 10 }, (_, n) => String(n)));
    await consumer.unsubscribe();
    expect(await Promise.all(pending.slice(10))).toEqual(new Array(10).fill({ done: true, value: undefined }));
    expect(await consumer.getMessage({ timeout: 0 })).toBe(null);
  });

  test.each([{ until: "now" }, { closeOnReturn: 1 }, { signal: {} }, { closeOnRetrun: true }])(
    "messages and batches refuse %o",
    async (options) => {
      const consumer = await bench.consumer();
      const code = { code: "ARGUMENT" };
      expect(() => consumer.messages(options as object)).toThrow(expect.objectContaining(code));
      expect(() => consumer.batches(options as object)).toThrow(expect.objectContaining(code));
    },
  );
});
