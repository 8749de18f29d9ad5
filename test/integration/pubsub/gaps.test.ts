import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { constantDelay, type Gap, Redis } from "../../../src/index.ts";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

describe.each([3, 2] as const)("a gap (RESP%d)", (protocol) => {
  let server: RedisServer;
  const client = () => new Redis(server.url, { protocol, retryPolicy: constantDelay({ delay: 20 }) });

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test("is told and yielded before the confirmations of the names that it is about", async () => {
    await using redis = client();
    await using consumer = await redis.pubsub({ channels: ["a", "b"], patterns: ["p*"], includeGaps: true });
    const told: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => told.push(gap));
    for (let i = 0; i < 3; i++) await consumer.getMessage();
    const before = Date.now();
    await killSubscribers(server.control);
    await eventually(() => expect(told).toHaveLength(2));
    await redis.publish("a", "after");

    const items = [];
    for (let i = 0; i < 6; i++) items.push(await consumer.getMessage());
    expect(items.map((item) => item?.type)).toEqual(["gap", "subscribe", "subscribe", "gap", "psubscribe", "message"]);
    expect(items[0]).toBe(told[0]);
    expect(told[0]).toMatchObject({ cause: "disconnected", channels: ["a", "b"], patterns: [] });
    expect(told[1]).toMatchObject({ channels: [], patterns: ["p*"], dropped: null, certain: false });
    for (const { from, to } of told) {
      expect(from).toBeLessThanOrEqual(to);
      expect(to).toBeGreaterThanOrEqual(before);
    }
  });

  test("is not yielded unless it is asked for, and told all the same", async () => {
    await using redis = client();
    await using consumer = await redis.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    let gaps = 0;
    consumer.on("gap", () => gaps++);
    await killSubscribers(server.control);
    await eventually(() => expect(gaps).toBe(1));
    await redis.publish("a", "after");
    expect(await consumer.receive({ timeout: 1000 })).toMatchObject({ type: "message", data: "after" });
  });

  test("is read by receive, messages and batches like a message", async () => {
    await using redis = client();
    await using consumer = await redis.pubsub({ channels: "a", includeGaps: true });
    const gap = async () => {
      const gone = new Promise((resolve) => consumer.once("gap", resolve));
      await killSubscribers(server.control);
      await gone;
    };
    await gap();
    expect((await consumer.receive()).type).toBe("gap");
    await gap();
    expect((await consumer.messages().next()).value).toMatchObject({ type: "gap" });
    await gap();
    expect((await consumer.batches().next()).value).toMatchObject([{ type: "gap" }]);
  });

  test("is extended by another loss before the confirmation", async () => {
    await using redis = client();
    await using consumer = await redis.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    const told: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => told.push(gap));
    const lost = new Promise<void>((resolve) => consumer.once("state", () => resolve()));
    const loss = Date.now();
    const { pid } = server;
    await server.kill();
    await lost;
    const down = Date.now();
    await server.start();
    expect(server.pid).not.toBe(pid);
    await eventually(() => expect(told).toHaveLength(1));
    expect(told[0]?.from).toBeLessThanOrEqual(down);
    expect(told[0]?.to).toBeGreaterThanOrEqual(down);
    expect(told[0]?.to).toBeGreaterThanOrEqual(loss);
  });

  test("is none for a first subscribe or a subscribe again; names unsubscribed while away have one of their own", async () => {
    await using redis = client();
    await using consumer = await redis.pubsub({ channels: ["a", "b"] });
    const told: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => told.push(gap));
    await consumer.subscribe("a", "c");
    expect(told).toEqual([]);
    const lost = new Promise<void>((resolve) => consumer.once("state", () => resolve()));
    await killSubscribers(server.control);
    await lost;
    await Promise.all([consumer.unsubscribe("b", "c"), consumer.subscribe("d")]);
    await eventually(() => expect(told).toHaveLength(2));
    expect(told.map(({ channels }) => channels)).toEqual([["b", "c"], ["a"]]);
  });
});
