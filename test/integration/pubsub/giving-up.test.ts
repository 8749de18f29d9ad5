import { constantDelay, type Gap, Redis } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

describe.each([false, true])("what is given up while the connection is lost (shared: %s)", (shared) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test.each(["unsubscribe", "drain"] as const)("by %s: a gap tells what was missed until then", async (how) => {
    await using client = new Redis(server.url, { retryPolicy: constantDelay({ delay: 60_000 }) });
    const consumer = await client.pubsub({ shared, channels: ["a", "b"], ignoreSubscribeMessages: true });
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    await killSubscribers(server.control);
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    expect(gaps).toEqual([]);
    await deadline(how === "drain" ? consumer.drain() : consumer.unsubscribe("a"), 5000, "it to be given up");
    expect(gaps).toMatchObject([
      { cause: "disconnected", channels: how === "drain" ? ["a", "b"] : ["a"], patterns: [], certain: false },
    ]);
    await consumer.close();
    expect(gaps).toHaveLength(1);
  });

  test("but not what was never subscribed, nor twice", async () => {
    await using client = new Redis(server.url, { retryPolicy: constantDelay({ delay: 50 }) });
    const consumer = await client.pubsub({ shared, channels: "a", ignoreSubscribeMessages: true });
    const gaps: string[][] = [];
    consumer.on("gap", ({ channels }) => gaps.push(channels.map(String)));
    await killSubscribers(server.control);
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const late = consumer.subscribe("late");
    await consumer.unsubscribe("late");
    await late;
    await eventually(() => expect(consumer.state).toBe("live"));
    await consumer.unsubscribe("a");
    expect(gaps).toEqual([["a"]]);
  });
});

describe("a paused consumer that the server has cut, unnoticed", () => {
  const SIZE = 10_000;

  /** A consumer that holds five messages of a thousand; the server has cut it for the rest. */
  async function overrun(server: RedisServer, client: Redis) {
    await server.control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0");
    const consumer = await client.pubsub({
      channels: "a",
      buffer: { limit: 5 },
      ignoreSubscribeMessages: true,
      includeGaps: true,
    });
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    const paused = new Promise<void>((resolve) => consumer.once("pause", resolve));
    await Promise.all(Array.from({ length: 1000 }, () => client.publish("a", "x".repeat(SIZE))));
    await paused;
    await eventually(async () => expect(await subscriberClients(server.control)).toEqual([]));
    expect(consumer.state).toBe("live");
    return { consumer, gaps };
  }

  test.each(["unsubscribe", "drain"] as const)(
    "tells by a gap what %s leaves unheard, before the loop ends",
    async (how) => {
      await using server = await startServer();
      await using client = new Redis(server.url);
      const { consumer, gaps } = await overrun(server, client);
      const ended = how === "drain" ? consumer.drain() : consumer.unsubscribe("a");
      const items: string[] = [];
      for await (const item of consumer.messages()) items.push(item.type);
      await ended;
      expect(items.filter((type) => type === "message").length).toBeLessThan(1000);
      expect(items.at(-1)).toBe("gap");
      expect(gaps).toMatchObject([{ cause: "server-overflow", channels: ["a"] }]);
    },
  );

  test("so does a drain that nobody reads", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url);
    const { consumer, gaps } = await overrun(server, client);
    await consumer.drain({ timeout: 200 });
    // Either the cut was seen, or what is unread is abandoned, however much it is; and what was held is counted.
    expect(gaps.some(({ channels, dropped }) => channels.includes("a") && dropped === null)).toBe(true);
    expect(gaps.reduce((sum, { dropped }) => sum + (dropped ?? 0), 0)).toBe(consumer.stats().dropped);
  });
});

test("of several drains the earliest deadline holds", async () => {
  await using server = await startServer();
  await using client = new Redis(server.url);
  const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
  await client.publish("a", "unread");
  await eventually(() => expect(consumer.stats().pending).toBe(1));
  const patient = consumer.drain({ timeout: 60_000 });
  await deadline(consumer.drain({ timeout: 10 }), 5000, "the second drain");
  await deadline(patient, 1000, "the first drain");
  expect([consumer.closed, consumer.stats().dropped]).toEqual([true, 1]);
});
