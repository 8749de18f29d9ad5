import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Gap, Redis } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { rejection } from "./bench.ts";

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

  test.each([{ limit: 0 }, { limitBytes: -1 }, { overflow: "drop" }, { size: 1 }])("refuses %o", async (buffer) => {
    expect(await rejection(client.pubsub({ buffer } as object))).toMatchObject({ code: "ARGUMENT" });
  });
});
