import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Gap, Redis } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { leftOver, rejection } from "./fixtures.ts";

const READ = { timeout: 5000 };

describe("a full buffer", () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startServer();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  async function publish(count: number, channel = "a"): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => client.publish(channel, String(i))));
  }

  test("pauses, and loses nothing that the server still holds", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 10 }, ignoreSubscribeMessages: true });
    const events: string[] = [];
    for (const name of ["pause", "resume", "gap"] as const) consumer.on(name, () => events.push(name));
    await publish(1000);
    await eventually(() => expect(events).toEqual(["pause"]));
    expect(consumer.stats()).toMatchObject({ pending: 10, received: 10, dropped: 0 });
    for (let i = 0; i < 1000; i++) expect((await consumer.receive(READ)).data).toBe(String(i));
    expect(events).not.toContain("gap");
    expect(consumer.stats()).toMatchObject({ pending: 0, received: 1000, delivered: 1000 });
    await consumer.close();
  });

  test("lets a subscribe inside the consuming loop through", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 5 }, ignoreSubscribeMessages: true });
    const paused = new Promise((resolve) => consumer.once("pause", () => resolve(undefined)));
    await publish(100);
    await paused;
    await consumer.subscribe("b");
    await consumer.unsubscribe("b");
    for (let i = 0; i < 100; i++) expect((await consumer.receive(READ)).data).toBe(String(i));
    await consumer.close();
  });

  test.each([
    ["drop-oldest", ["97", "98", "99"], 0],
    ["drop-newest", ["0", "1", "2"], 3],
  ] as const)("%s keeps what it should, and the gap lies in its place", async (overflow, kept, place) => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limit: 3, overflow },
      ignoreSubscribeMessages: true,
      includeGaps: true,
    });
    const told: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => told.push(gap));
    await publish(100);
    await eventually(() => expect(consumer.stats().received).toBe(100));
    const items: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const item = await consumer.receive(READ);
      items.push(item.type === "gap" ? [item.cause, item.dropped, item.certain] : item.data);
    }
    const expected: unknown[] = [...kept];
    expected.splice(place, 0, ["overflow", 97, true]);
    expect(items).toEqual(expected);
    expect(told).toHaveLength(1);
    expect(consumer.stats()).toMatchObject({ received: 100, delivered: 3, dropped: 97, pending: 0, gaps: 1 });
    await consumer.close();
  });

  test("counts what waits behind async handlers, and tells what a drain abandons", async () => {
    const consumer = await client.pubsub({
      channelHandlers: { a: () => new Promise(() => {}) },
      buffer: { limit: 3, overflow: "drop-oldest" },
    });
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    await publish(10);
    await eventually(() => expect(consumer.stats()).toMatchObject({ received: 10, pending: 3, dropped: 6 }));
    await consumer.drain({ timeout: 50 });
    expect(gaps.at(-1)).toMatchObject({ cause: "drained", channels: ["a"], dropped: 3 });
    expect(consumer.stats()).toMatchObject({ pending: 0, dropped: 9 });
  });

  test("fails the consumer where it is told to", async () => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limit: 2, overflow: "error" },
      ignoreSubscribeMessages: true,
    });
    consumer.on("error", () => {});
    await publish(3);
    await eventually(() => expect(consumer.state).toBe("failed"));
    expect([(await consumer.receive(READ)).data, (await consumer.receive(READ)).data]).toEqual(["0", "1"]);
    expect(await rejection(consumer.receive(READ))).toMatchObject({ code: "PUBSUB" });
    await consumer.close();
  });

  test("says so when the server cut the paused connection", async () => {
    await server.control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 100kb 100kb 0");
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 5 }, ignoreSubscribeMessages: true });
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    const large = "x".repeat(64 * 1024);
    for (let i = 0; i < 400; i++) await client.publish("a", large);
    for (let i = 0; i < 5; i++) await consumer.receive(READ);
    await eventually(() => {
      void consumer.getMessage({ timeout: 0 });
      expect(gaps.map(({ cause }) => cause)).toEqual(["server-overflow"]);
    });
    await consumer.close();
    await server.control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60");
  });

  test("is told on diagnostics channels, without payloads", async () => {
    const told: unknown[] = [];
    const note = (message: unknown) => told.push(message);
    subscribe("tidings:message", note);
    const consumer = await client.pubsub({ channels: "a" });
    await client.publish("a", "secret");
    await consumer.receive(READ);
    unsubscribe("tidings:message", note);
    expect(told).toEqual([{ consumer, channel: "a", pattern: null, bytes: 6 }]);
    await consumer.close();
  });

  test.each([
    { limit: 0 },
    { limit: 1.5 },
    { limit: Number.POSITIVE_INFINITY },
    { limitBytes: 0 },
    { limitBytes: -1 },
    { overflow: "drop" },
    { size: 1 },
    10,
    null,
  ])("refuses %o", async (buffer) => {
    expect(await rejection(client.pubsub({ buffer } as object))).toMatchObject({ code: "ARGUMENT" });
  });
});

describe("where the dropped lie in the order", () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startServer();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  const gapped = { ignoreSubscribeMessages: true, includeGaps: true } as const;

  async function say(texts: Iterable<number | string>, channel = "a"): Promise<void> {
    await Promise.all(Array.from(texts, (text) => client.publish(channel, String(text))));
  }
  /** What is there: data of messages, what gaps count. */
  async function shown(consumer: { receive(options: { timeout: number }): Promise<unknown> }): Promise<unknown[]> {
    const items: unknown[] = [];
    for (;;) {
      const item = await consumer.receive({ timeout: 0 }).catch(() => null);
      if (item === null) return items;
      const { type, data, dropped } = item as { type: string; data?: unknown; dropped?: unknown };
      items.push(type === "gap" ? { dropped } : data);
    }
  }

  test("drop-newest: a gap behind what was kept, and another for what is dropped after some were read", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 3, overflow: "drop-newest" }, ...gapped });
    await say([1, 2, 3, 4, 5]);
    await eventually(() => expect(consumer.stats().received).toBe(5));
    expect((await consumer.receive(READ)).type).toBe("message");
    await say([6, 7]);
    await eventually(() => expect(consumer.stats().received).toBe(7));
    expect(await shown(consumer)).toEqual(["2", "3", { dropped: 2 }, "6", { dropped: 1 }]);
    expect(consumer.stats()).toMatchObject({ delivered: 4, dropped: 3, pending: 0, gaps: 2 });
    await consumer.close();
  });

  test("drop-oldest: one gap that grows until it is read, then another", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 2, overflow: "drop-oldest" }, ...gapped });
    await say([1, 2, 3]);
    await eventually(() => expect(consumer.stats().received).toBe(3));
    expect(consumer.stats()).toMatchObject({ dropped: 1, gaps: 0 });
    await say([4]);
    await eventually(() => expect(consumer.stats().received).toBe(4));
    expect(await consumer.receive(READ)).toMatchObject({ type: "gap", dropped: 2 });
    await say([5]);
    await eventually(() => expect(consumer.stats().received).toBe(5));
    // Message 3 was promised by the gap before it.
    expect(await shown(consumer)).toEqual(["3", { dropped: 1 }, "5"]);
    expect(consumer.stats()).toMatchObject({ dropped: 3, gaps: 2 });
    await consumer.close();
  });

  test("drop-oldest: behind a gap comes a message, however many are dropped while the gap is read", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 2, overflow: "drop-oldest" }, ...gapped });
    const read: unknown[] = [];
    for (let i = 0; i < 12; i += 3) {
      await say([i, i + 1, i + 2]);
      await eventually(() => expect(consumer.stats().received).toBe(i + 3));
      const item = await consumer.receive(READ);
      read.push(item.type === "gap" ? item.dropped : item.data);
    }
    expect(read).toEqual([1, "1", 5, "7"]);
    expect(await shown(consumer)).toEqual([{ dropped: 3 }, "11"]);
    await consumer.close();
  });

  test("a gap names the channels and patterns of what was dropped, and the window", async () => {
    const before = Date.now();
    const consumer = await client.pubsub({
      channels: ["a", "b", "c"],
      patterns: "p*",
      names: "bytes",
      buffer: { limit: 1, overflow: "drop-newest" },
      ...gapped,
    });
    await say([1]);
    await say([2], "b");
    await say([3], "p1");
    await say([4], "p2");
    await eventually(() => expect(consumer.stats().received).toBe(4));
    await consumer.receive(READ);
    const gap = (await consumer.receive(READ)) as Gap<Buffer>;
    expect(gap).toMatchObject({ cause: "overflow", channels: [Buffer.from("b")], patterns: [Buffer.from("p*")] });
    expect(gap).toMatchObject({ dropped: 3, certain: true });
    expect(before <= gap.from && gap.from <= gap.to && gap.to <= Date.now()).toBe(true);
    await consumer.close();
  });

  test("bytes are a limit as well, and a message that never fits is dropped by itself", async () => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limitBytes: 10, overflow: "drop-newest" },
      ...gapped,
    });
    await say(["123456", "1234567", "1234", "", "x".repeat(11)]);
    await eventually(() => expect(consumer.stats().received).toBe(5));
    expect(await shown(consumer)).toEqual(["123456", { dropped: 1 }, "1234", "", { dropped: 1 }]);
    await consumer.close();
  });

  test("drop-oldest drops as many as a large one takes the room of", async () => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limitBytes: 10, overflow: "drop-oldest" },
      ...gapped,
    });
    await say(["111", "222", "333", "44444"]);
    await eventually(() => expect(consumer.stats().received).toBe(4));
    expect(await shown(consumer)).toEqual([{ dropped: 2 }, "333", "44444"]);
    await consumer.close();
  });

  test("confirmations count for nothing and displace no message", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 2, overflow: "drop-oldest" } });
    await say([1, 2]);
    await eventually(() => expect(consumer.stats().received).toBe(2));
    await consumer.subscribe("b", "c", "d");
    const types = (await leftOver(consumer)).map(({ type }) => type);
    expect(types).toEqual(["subscribe", "message", "message", "subscribe", "subscribe", "subscribe"]);
    expect(consumer.stats()).toMatchObject({ dropped: 0, delivered: 2 });
    await consumer.close();
  });

  test.each([
    ["drop-oldest", ["1", "5", "6"]],
    ["drop-newest", ["1", "2", "3"]],
  ] as const)("%s behind an async handler: it gets these, and the gap is told in its place", async (overflow, kept) => {
    const order: unknown[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await client.pubsub({
      channelHandlers: {
        a: async ({ data }) => {
          order.push(data);
          await held;
        },
      },
      buffer: { limit: 2, overflow },
    });
    consumer.on("gap", ({ cause, dropped }) => order.push([cause, dropped]));
    await say([1, 2, 3, 4, 5, 6]);
    await eventually(() => expect(consumer.stats()).toMatchObject({ received: 6, pending: 2, dropped: 3 }));
    release();
    await eventually(() => expect(order).toHaveLength(4));
    const expected: unknown[] = [...kept];
    expected.splice(overflow === "drop-oldest" ? 1 : 3, 0, ["overflow", 3]);
    expect(order).toEqual(expected);
    expect(consumer.stats()).toMatchObject({ delivered: 3, pending: 0 });
    await consumer.close();
  });

  test("a pause holds handlers of other channels back too, and all is in order in the end", async () => {
    const seen: string[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await client.pubsub({
      channelHandlers: {
        a: async ({ data }) => {
          await held;
          seen.push(`a${data}`);
        },
        b: ({ data }) => {
          seen.push(`b${data}`);
        },
      },
      buffer: { limit: 3 },
    });
    await say([1, 2, 3, 4, 5]);
    await eventually(() => expect(consumer.stats().pending).toBe(3));
    await say([1, 2], "b");
    expect([seen, consumer.stats().received]).toEqual([[], 4]);
    release();
    await eventually(() => expect(seen).toHaveLength(7));
    expect(seen.filter((text) => text.startsWith("a"))).toEqual(["a1", "a2", "a3", "a4", "a5"]);
    expect(seen.filter((text) => text.startsWith("b"))).toEqual(["b1", "b2"]);
    await consumer.close();
  });

  test("a subscribe in each turn of a consuming loop never deadlocks, however small the buffer", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 1 } });
    await say(Array.from({ length: 60 }, (_, i) => i));
    const seen: string[] = [];
    for await (const { data } of consumer.messages()) {
      seen.push(data);
      await consumer.subscribe(`more${data}`);
      if (seen.length === 60) break;
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => String(i)));
    expect(consumer.channels.size).toBe(61);
    await consumer.close();
  });

  test("the bound of bytes is hard: a subscribe behind it rejects in time, and nothing is lost", async () => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limitBytes: 100 },
      subscriptionTimeout: 200,
      ignoreSubscribeMessages: true,
    });
    await say(Array.from({ length: 50 }, (_, i) => String(i).padStart(10, "0")));
    await eventually(() => expect(consumer.stats().pending).toBe(10));
    expect(await rejection(consumer.subscribe("b"))).toMatchObject({ code: "TIMEOUT" });
    expect(consumer.stats().received).toBe(10);
    for (let i = 0; i < 50; i++) expect(Number((await consumer.receive(READ)).data)).toBe(i);
    expect([...consumer.channels.keys()]).toEqual(["a"]);
    await consumer.close();
  });

  test("the keep-alive takes no paused link for dead", async () => {
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limit: 2 },
      maxIdle: 20,
      pingTimeout: 400,
      ignoreSubscribeMessages: true,
    });
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    await say([0, 1, 2, 3, 4, 5]);
    await eventually(() => expect(consumer.stats().pending).toBe(2));
    const began = performance.now();
    await eventually(() => expect(performance.now() - began).toBeGreaterThan(1000));
    expect(consumer.stats().received).toBe(2);
    for (let i = 0; i < 6; i++) expect((await consumer.receive(READ)).data).toBe(String(i));
    await say(["later"]);
    expect((await consumer.receive(READ)).data).toBe("later");
    expect(states).toEqual([]);
    await consumer.close();
  });

  test.each(["close", "drain"] as const)("%s while it is paused leaves nothing behind", async (end) => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 3 }, ignoreSubscribeMessages: true });
    await say(Array.from({ length: 100 }, (_, i) => i));
    await eventually(() => expect(consumer.stats().pending).toBe(3));
    await (end === "close" ? consumer.close() : consumer.drain({ timeout: 50 }));
    expect(consumer.closed).toBe(true);
    const { received, delivered, dropped, pending } = consumer.stats();
    expect([delivered, pending, dropped]).toEqual([0, 0, received]);
    await expectServerTruth(server, {});
    await say(["unheard"]);
    await using next = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    await say(["heard"]);
    expect((await next.receive(READ)).data).toBe("heard");
  });

  test("a drain while it is paused lets a reader have what had arrived", async () => {
    const consumer = await client.pubsub({ channels: "a", buffer: { limit: 3 }, ignoreSubscribeMessages: true });
    await say(Array.from({ length: 100 }, (_, i) => i));
    await eventually(() => expect(consumer.stats().pending).toBe(3));
    const drained = consumer.drain({ timeout: 5000 });
    const seen: string[] = [];
    for await (const { data } of consumer.messages()) seen.push(data);
    await drained;
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    expect(consumer.stats()).toMatchObject({ delivered: 100, dropped: 0, gaps: 0 });
  });
});
