import { type Gap, Redis, RedisCluster } from "tidings";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startCluster, type TestCluster } from "../../support/redis-cluster.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { leftOver } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

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
const publish = (count: number, channel = "a") =>
  Promise.all(Array.from({ length: count }, (_, i) => client.publish(channel, String(i))));
const R = { timeout: 3000 };

test("pause and resume are told in turn, and the last one says what is, also when a refill follows at once", async () => {
  const c = await client.pubsub({ channels: "a", buffer: { limit: 10 }, ignoreSubscribeMessages: true });
  const events: string[] = [];
  for (const name of ["pause", "resume"] as const) c.on(name, () => events.push(name));
  await publish(100);
  await eventually(() => expect(events).toEqual(["pause"]));
  for (let i = 0; i < 5; i++) await c.receive(R);
  await eventually(() => expect(c.stats().received).toBe(15));
  const mid = events.at(-1);
  for (let i = 0; i < 95; i++) await c.receive(R);
  expect([mid, events.at(-1)]).toEqual(["pause", "resume"]);
});
test("a close while paused dispatches nothing more, and the sums hold", async () => {
  const others: string[] = [];
  const c = await client.pubsub({
    channelHandlers: { a: () => new Promise(() => {}), b: ({ data }) => void others.push(data) },
    buffer: { limit: 5 },
  });
  const paused = new Promise((resolve) => c.once("pause", () => resolve(undefined)));
  await Promise.all([publish(50), publish(50, "b")]);
  await paused;
  const before = c.stats();
  const n = others.length;
  const closing = c.close();
  await closing;
  expect(others.length).toBe(n);
  expect(c.stats()).toMatchObject({ received: before.received, delivered: before.delivered });
});
test('a message that does not fit, with "error", counts as dropped', async () => {
  const c = await client.pubsub({
    channels: "a",
    buffer: { limit: 2, overflow: "error" },
    ignoreSubscribeMessages: true,
  });
  c.on("error", () => {});
  await publish(3);
  await eventually(() => expect(c.state).toBe("failed"));
  const s = c.stats();
  await c.close();
  expect(s).toMatchObject({ pending: 2, delivered: 0 });
});
test("a drain that runs out of time tells what overflowed before, too", async () => {
  const c = await client.pubsub({
    channels: "a",
    buffer: { limit: 3, overflow: "drop-oldest" },
    ignoreSubscribeMessages: true,
  });
  const gaps: unknown[] = [];
  c.on("gap", (g) => gaps.push([g.cause, g.dropped]));
  await publish(10);
  await eventually(() => expect(c.stats().received).toBe(10));
  await c.drain({ timeout: 30 });
  expect(gaps).toEqual([
    ["overflow", 7],
    ["drained", 3],
  ]);
});
test("so it does behind a handler", async () => {
  const c = await client.pubsub({
    channelHandlers: { a: () => new Promise(() => {}) },
    buffer: { limit: 3, overflow: "drop-newest" },
  });
  const gaps: unknown[] = [];
  c.on("gap", (g) => gaps.push([g.cause, g.dropped]));
  await publish(10);
  await eventually(() => expect(c.stats().received).toBe(10));
  await c.drain({ timeout: 30 });
  expect(gaps).toContainEqual(["overflow", 6]);
});
test("a shared consumer that is closed while a message goes round gets it no more", async () => {
  const seen: string[] = [];
  const one = await client.pubsub({ shared: true, channelHandlers: { a: () => void two.close() } });
  const two = await client.pubsub({ shared: true, channelHandlers: { a: ({ data }) => void seen.push(data) } });
  await publish(1);
  await eventually(() => expect(one.stats().received).toBe(1));
  await one.close();
  expect(seen).toEqual([]);
  expect(two.stats().received).toBe(0);
});
test("two shared consumers that ask for a name at the same time are told once each", async () => {
  const one = await client.pubsub({ shared: true });
  const two = await client.pubsub({ shared: true });
  await Promise.all([one.subscribe("a"), two.subscribe("a")]);
  const [l1, l2] = [await leftOver(one), await leftOver(two)];
  await Promise.all([one.close(), two.close()]);
  expect([l1.length, l2.length]).toEqual([1, 1]);
});
test("a shared consumer that failed by itself tells on retry what it may have missed", async () => {
  const one = await client.pubsub({ shared: true, channels: "a", buffer: { limit: 1, overflow: "error" } });
  const two = await client.pubsub({ shared: true, channels: "a" });
  one.on("error", () => {});
  const gaps: unknown[] = [];
  one.on("gap", (g) => gaps.push(g));
  await publish(4);
  await eventually(() => expect(one.state).toBe("failed"));
  await leftOver(one).catch(() => {});
  await one.retry();
  await Promise.all([one.close(), two.close()]);
  expect(gaps).toMatchObject([{ cause: "overflow", channels: ["a"], dropped: null, certain: true }]);
});
test("a drain while paused accounts for every message", async () => {
  const c = await client.pubsub({
    channelHandlers: { a: () => new Promise(() => {}) },
    channels: "b",
    buffer: { limit: 5 },
  });
  const gaps: Gap<string | Buffer>[] = [];
  c.on("gap", (g) => gaps.push(g));
  const paused = new Promise((resolve) => c.once("pause", () => resolve(undefined)));
  await Promise.all([publish(50), publish(50, "b")]);
  await paused;
  await c.drain({ timeout: 200 });
  const s = c.stats();
  expect([s.delivered, s.pending, s.dropped]).toEqual([1, 0, s.received - 1]);
  expect(gaps.reduce((n, g) => n + (g.dropped ?? 0), 0)).toBe(s.dropped);
});
shardTest("what one node sends does not pass the limit while another one fills it", async () => {
  const cluster: TestCluster = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
  const cc = new RedisCluster(cluster.urls[0] ?? "");
  const chans = cluster.primaries.map((n) => cluster.channelsFor(n, 1)[0] ?? "");
  const c = await cc.shardedPubsub({ channels: chans, buffer: { limit: 10 }, ignoreSubscribeMessages: true });
  await Promise.all(chans.flatMap((ch) => Array.from({ length: 300 }, (_, i) => cc.spublish(ch, String(i)))));
  await eventually(() => expect(c.stats().pending).toBeGreaterThanOrEqual(10));
  let most = c.stats().pending;
  for (let i = 0; i < 900; i++) {
    await c.receive(R);
    most = Math.max(most, c.stats().pending);
  }
  await cc.close();
  await cluster.stop();
  expect(most).toBeLessThan(30);
});
