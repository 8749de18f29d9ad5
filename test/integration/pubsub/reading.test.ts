import { ArgumentError, ClosedError, TimeoutError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { message, nextItems, onTestingToo, PATIENCE, receiveMany, rejection } from "./fixtures.ts";

onTestingToo("reading one at a time", (bench) => {
  test("getMessage gives null when the time has passed, and takes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    expect(await consumer.getMessage({ timeout: 5 })).toBe(null);
    await bench.publish("a", "1");
    expect(await consumer.receive({ timeout: PATIENCE })).toEqual(message("a", "1"));
  });

  test("getMessage with timeout 0 asks what is there now", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    expect(await consumer.getMessage({ timeout: 0 })).toEqual(bench.confirmation("subscribe", "a", 1));
    expect(await consumer.getMessage({ timeout: 0 })).toBe(null);
    await bench.publish("a", "1");
    await eventually(async () => expect(await consumer.getMessage({ timeout: 0 })).toEqual(message("a", "1")));
  });

  test("getMessage without a timeout waits", async () => {
    const consumer = await bench.consumer();
    const waiting = consumer.getMessage();
    await consumer.subscribe("a");
    expect(await waiting).toEqual(bench.confirmation("subscribe", "a", 1));
    const next = consumer.getMessage({});
    await bench.publish("a", "1");
    expect(await next).toEqual(message("a", "1"));
  });

  test("an ignored confirmation is one null each, in its place", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"], ignoreSubscribeMessages: true });
    await bench.publish("a", "1");
    // Confirmed on the same connection, and so behind the message.
    await consumer.subscribe("c");
    expect(await nextItems(consumer, 4)).toEqual([null, null, message("a", "1"), null]);
    const waiting = consumer.getMessage({ timeout: PATIENCE });
    await consumer.unsubscribe("c");
    expect(await waiting).toBe(null);
  });

  test("ignoreSubscribeMessages of a call ignores confirmations that the consumer does not", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    expect(await consumer.getMessage({ timeout: 0, ignoreSubscribeMessages: true })).toBe(null);
    const waiting = consumer.getMessage({ timeout: PATIENCE, ignoreSubscribeMessages: true });
    await consumer.subscribe("b");
    expect(await waiting).toBe(null);
    await consumer.subscribe("c");
    expect(await consumer.getMessage({ ignoreSubscribeMessages: false })).toMatchObject({ channel: "c" });
    await bench.publish("a", "1");
    expect(await consumer.getMessage({ timeout: PATIENCE, ignoreSubscribeMessages: true })).toEqual(message("a", "1"));
  });

  test("ignoreSubscribeMessages: false of a call waits past nothing and shows what comes", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const [first, second] = [
      consumer.getMessage({ ignoreSubscribeMessages: false }),
      consumer.getMessage({ ignoreSubscribeMessages: true }),
    ];
    await consumer.unsubscribe("a");
    expect(await first).toEqual(bench.confirmation("subscribe", "a", 1));
    expect(await second).toBe(null);
  });

  test("a message that a handler took is one null each, in its place", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    let handled = 0;
    await consumer.subscribe("h", () => {
      handled++;
    });
    await nextItems(consumer, 2);
    for (const [channel, payload] of ["h1", "a1", "h2", "h3", "a2"].map((word) => [...word])) {
      await bench.publish(String(channel), String(payload));
    }
    await eventually(() => expect(handled).toBe(3));
    expect(await nextItems(consumer, 5)).toEqual([null, message("a", "1"), null, null, message("a", "2")]);
    const waiting = consumer.getMessage();
    await bench.publish("h", "4");
    expect(await waiting).toBe(null);
  });

  test("an abort rejects with the signal's reason and consumes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const reason = new Error("enough");
    const abort = new AbortController();
    const [getting, receiving] = [
      rejection(consumer.getMessage({ signal: abort.signal })),
      rejection(consumer.receive({ signal: abort.signal, timeout: PATIENCE })),
    ];
    abort.abort(reason);
    expect([await getting, await receiving]).toEqual([reason, reason]);
    await bench.publish("a", "1");
    await consumer.subscribe("b");
    expect(await rejection(consumer.getMessage({ signal: abort.signal }))).toBe(reason);
    expect(await rejection(consumer.receive({ signal: abort.signal }))).toBe(reason);
    expect(await consumer.receive({ timeout: PATIENCE })).toEqual(message("a", "1"));
  });

  test("an abort without a reason rejects with an AbortError", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const abort = new AbortController();
    await nextItems(consumer, 1);
    const waiting = rejection(consumer.getMessage({ signal: abort.signal }));
    abort.abort();
    expect(await waiting).toMatchObject({ name: "AbortError" });
  });

  test("an abort after the message came changes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const abort = new AbortController();
    await nextItems(consumer, 1);
    const waiting = consumer.getMessage({ signal: abort.signal, timeout: PATIENCE });
    await bench.publish("a", "1");
    expect(await waiting).toEqual(message("a", "1"));
    abort.abort();
    expect(await consumer.getMessage({ timeout: 0 })).toBe(null);
  });

  test("receive skips confirmations and what handlers took", async () => {
    const consumer = await bench.consumer({ channels: "a", channelHandlers: { h: () => {} } });
    const waiting = consumer.receive();
    await bench.publish("h", "1");
    await consumer.subscribe("b");
    await bench.publish("h", "2");
    await bench.publish("b", "3");
    expect(await waiting).toEqual(message("b", "3"));
    await bench.publish("h", "4");
    await consumer.unsubscribe("b");
    await bench.publish("a", "5");
    expect(await consumer.receive({ timeout: PATIENCE })).toEqual(message("a", "5"));
  });

  test("receive rejects with TimeoutError and takes nothing", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    expect(await rejection(consumer.receive({ timeout: 5 }))).toBeInstanceOf(TimeoutError);
    expect(await rejection(consumer.receive({ timeout: 0 }))).toMatchObject({ code: "TIMEOUT" });
    const other = consumer.receive({ timeout: PATIENCE });
    await bench.publish("a", "1");
    expect(await other).toEqual(message("a", "1"));
  });

  test("receive rejects with ClosedError at the close, and after it", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const waiting = rejection(consumer.receive());
    await consumer.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
    expect(await rejection(consumer.receive({ timeout: 0 }))).toBeInstanceOf(ClosedError);
  });

  test("readers of every kind take turns in the order of their calls, each message once", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const [iterator, messages] = [consumer[Symbol.asyncIterator](), consumer.messages()];
    const readers = [
      consumer.getMessage(),
      iterator.next().then(({ value }) => value),
      consumer.receive(),
      messages.next().then(({ value }) => value),
      iterator.next().then(({ value }) => value),
      consumer.getMessage({ timeout: PATIENCE }),
      consumer.receive({ timeout: PATIENCE }),
    ];
    for (let n = 0; n < readers.length; n++) await bench.publish("a", String(n));
    const got = await Promise.all(readers);
    expect(got.map((item) => item?.data)).toEqual(readers.map((_, n) => String(n)));
  });

  test("a reader that gave up does not stand in the way of the next", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const abort = new AbortController();
    const readers = [
      consumer.getMessage({ timeout: 1 }),
      rejection(consumer.receive({ signal: abort.signal })),
      consumer.receive({ timeout: PATIENCE }),
    ];
    expect(await readers[0]).toBe(null);
    abort.abort();
    await readers[1];
    await bench.publish("a", "1");
    expect(await readers[2]).toEqual(message("a", "1"));
  });

  test("ten readers and a thousand messages: all are read, each by one, in order for each", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    const seen: number[][] = Array.from({ length: 10 }, () => []);
    const reading = seen.map(async (mine, reader) => {
      if (reader % 2 === 0) for await (const item of consumer) mine.push(Number(item.data));
      else for await (const item of consumer.messages()) mine.push(Number(item.data));
    });
    const client = bench.client();
    await Promise.all(Array.from({ length: 1000 }, (_, n) => client.publish("a", String(n))));
    await consumer.unsubscribe();
    await Promise.all(reading);
    expect(seen.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    for (const mine of seen) expect(mine).toEqual([...mine].sort((a, b) => a - b));
  });

  test("a consumer of handlers alone keeps nothing for each message", async () => {
    let handled = 0;
    const consumer = await bench.consumer({ channelHandlers: { a: () => handled++ } });
    const client = bench.client();
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 1000 }, () => client.publish("a", "x")));
    }
    await eventually(() => expect(handled).toBe(10_000));
    await expect(consumer.receive({ timeout: 0 })).rejects.toBeInstanceOf(TimeoutError);
  });

  test.each([
    { timeout: -1 },
    { timeout: Number.NaN },
    { timeout: "1" },
    { signal: "no" },
    { timeuot: 1 },
    5,
    null,
  ] as unknown[])("reading refuses %o", async (options) => {
    const consumer = await bench.consumer({ channels: "a" });
    expect(await rejection(consumer.getMessage(options as object))).toBeInstanceOf(ArgumentError);
    expect(await rejection(consumer.receive(options as object))).toBeInstanceOf(ArgumentError);
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });
});
