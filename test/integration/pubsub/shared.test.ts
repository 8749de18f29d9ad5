import { bytes, type Gap, json, Redis, ServerError, TimeoutError } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { leftOver, rejection } from "./fixtures.ts";

const READ = { timeout: 5000 };

describe("shared consumers", () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startServer({ users: { limited: "on nopass ~* +@all resetchannels &ok*" } });
    client = new Redis(server.url);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  test("are many on one connection, each with its own names, counts and end", async () => {
    const one = await client.pubsub({ shared: true, channels: ["a", "b"] });
    const two = await client.pubsub({ shared: true, channels: ["b"], patterns: ["b*"] });
    expect(await leftOver(one)).toEqual([
      { type: "subscribe", pattern: null, channel: "a", data: 1 },
      { type: "subscribe", pattern: null, channel: "b", data: 2 },
    ]);
    await eventually(async () =>
      expect((await subscriberClients(server.control)).map(({ sub, psub }) => [sub, psub])).toEqual([[2, 1]]),
    );
    expect(await client.publish("b", "x")).toBe(2);
    expect((await one.receive(READ)).channel).toBe("b");
    expect([(await two.receive(READ)).type, (await two.receive(READ)).type].sort()).toEqual(["message", "pmessage"]);

    await one.unsubscribe("b");
    await expectServerTruth(server, { channels: ["a", "b"], patterns: ["b*"] });
    await two.unsubscribe("b");
    await expectServerTruth(server, { channels: ["a"], patterns: ["b*"] });
    await client.publish("b", "y");
    expect((await two.receive(READ)).type).toBe("pmessage");
    await two.close();
    await expectServerTruth(server, { channels: ["a"] });
    await one.close();
    await expectServerTruth(server, {});
    expect(two.state).toBe("closed");
  });

  test("are 10,000 on one connection; what one of them gives up stays the others'", { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `many${index % 5000}`);
    const seen = new Map<number, string>();
    const consumers = await Promise.all(
      names.map((name, index) => client.subscribe(name, ({ data }) => seen.set(index, data))),
    );
    await eventually(async () =>
      expect((await subscriberClients(server.control)).map(({ sub }) => sub)).toEqual([5000]),
    );
    expect(client.stats().consumers).toBe(10_000);
    await Promise.all(consumers.slice(0, 5000).map((consumer) => consumer.close()));
    await eventually(async () =>
      expect((await subscriberClients(server.control)).map(({ sub }) => sub)).toEqual([5000]),
    );
    await Promise.all([client.publish("many0", "x"), client.publish("many4999", "y")]);
    await eventually(() =>
      expect([...seen]).toEqual([
        [5000, "x"],
        [9999, "y"],
      ]),
    );
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await expectServerTruth(server, {});
    expect(client.stats().consumers).toBe(0);
  });

  test("count their own names as a server would, whoever else wants them", async () => {
    const other = await client.pubsub({ shared: true, channels: ["b", "c"] });
    const consumer = await client.pubsub({ shared: true });
    await consumer.subscribe("a", "b");
    await consumer.psubscribe("p*");
    await consumer.subscribe("b");
    await consumer.unsubscribe("a", "b");
    await consumer.subscribe("a", "c");
    await consumer.unsubscribe();
    await consumer.punsubscribe();
    const told = (await leftOver(consumer)).map(({ type, channel, data }) => `${type} ${channel} ${data}`);
    // What is served already is confirmed at once; the rest in the order of the server.
    expect(told.slice(0, 2).sort()).toEqual(["subscribe a 2", "subscribe b 1"]);
    expect(told.slice(2, 4)).toEqual(["psubscribe p* 3", "subscribe b 3"]);
    expect(told.slice(4, 6).sort()).toEqual(["unsubscribe a 1", "unsubscribe b 2"]);
    expect(told.slice(6, 8).sort()).toEqual(["subscribe a 3", "subscribe c 2"]);
    expect(told.slice(8, 10).sort()).toEqual(["unsubscribe a 1", "unsubscribe c 2"]);
    expect(told.slice(10)).toEqual(["punsubscribe p* 0"]);
    await Promise.all([consumer.close(), other.close()]);
  });

  test("have a codec and handlers each; one that is slow drops its oldest, and no other waits", async () => {
    const seen: unknown[] = [];
    const order = await client.pubsub({
      shared: true,
      codec: json<{ id: number }>(),
      channelHandlers: { orders: ({ data }) => seen.push(data) },
    });
    const raw = await client.pubsub({ shared: true, channels: "orders", codec: bytes, names: "bytes" });
    const slow = await client.pubsub({
      shared: true,
      channels: "orders",
      buffer: { limit: 2 },
      ignoreSubscribeMessages: true,
      includeGaps: true,
    });
    for (let id = 1; id <= 5; id++) await client.publish("orders", JSON.stringify({ id }));
    await eventually(() => expect(seen).toHaveLength(5));
    expect(seen[0]).toEqual({ id: 1 });
    expect((await raw.receive(READ)).data).toEqual(Buffer.from('{"id":1}'));
    const gap = await slow.receive(READ);
    expect(gap).toMatchObject({ type: "gap", cause: "overflow", channels: ["orders"], dropped: 3, certain: true });
    expect([(await slow.receive(READ)).type, slow.stats().dropped]).toEqual(["message", 3]);
    await Promise.all([order.close(), raw.close(), slow.close()]);
  });

  test("are restored after a lost connection, with a gap to those it is about", async () => {
    const gaps: [string, Gap<string | Buffer>][] = [];
    const one = await client.pubsub({ shared: true, channels: ["a", "b"] });
    const two = await client.pubsub({ shared: true, channels: ["b"] });
    const states: string[] = [];
    one.on("gap", (gap) => gaps.push(["one", gap]));
    two.on("gap", (gap) => gaps.push(["two", gap]));
    two.on("state", (state) => states.push(state));
    await killSubscribers(server.control);
    await eventually(() => expect(states).toEqual(["reconnecting", "live"]));
    expect(gaps.map(([who, { cause, channels }]) => [who, cause, channels])).toEqual([
      ["one", "disconnected", ["a", "b"]],
      ["two", "disconnected", ["b"]],
    ]);
    expect(await client.publish("b", "again")).toBe(1);
    await Promise.all([one.close(), two.close()]);
  });

  test("who gives a name up while there is no connection is told what it missed; who asks for it then missed nothing", async () => {
    await using proxy = await startProxy(server.port);
    await using cut = new Redis({ port: proxy.port, retryPolicy: () => 5 });
    const gaps: unknown[] = [];
    const open = async (who: string) => {
      const consumer = await cut.pubsub({ shared: true });
      consumer.on("gap", ({ cause, channels }) => gaps.push([who, cause, channels]));
      return consumer;
    };
    const [one, two, three, four] = [await open("one"), await open("two"), await open("three"), await open("four")];
    await Promise.all([one.subscribe("a", "b"), two.subscribe("a"), four.subscribe("a")]);
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(one.state).toBe("reconnecting"));
    const asking = three.subscribe("a");
    await one.unsubscribe("a");
    expect(gaps).toEqual([["one", "disconnected", ["a"]]]);
    const again = new Promise<void>((resolve, reject) => {
      four.once("gap", () => four.subscribe("a").then(resolve, reject));
    });
    await four.unsubscribe("a");
    expect(gaps.splice(0)).toHaveLength(2);
    await proxy.heal();
    await Promise.all([asking, again]);
    await eventually(() => expect([one.state, two.state, three.state]).toEqual(["live", "live", "live"]));
    expect(gaps.sort()).toEqual([
      ["one", "disconnected", ["b"]],
      ["two", "disconnected", ["a"]],
    ]);
    expect(await client.publish("a", "again")).toBe(1);
    for (const consumer of [two, three, four]) expect((await consumer.receive(READ)).data).toBe("again");
  });

  test("who asks for the same name at the same time waits no less than it said", async () => {
    const [hasty, patient] = [await client.pubsub({ shared: true }), await client.pubsub({ shared: true })];
    server.freeze();
    const late = rejection(hasty.subscribe("slow", { timeout: 50 }));
    const subscribing = patient.subscribe("slow", { timeout: 20_000 });
    expect(await late).toBeInstanceOf(TimeoutError);
    server.thaw();
    await subscribing;
    expect([hasty.channels.size, patient.channels.size]).toEqual([0, 1]);
    await client.publish("slow", "here");
    expect((await patient.receive(READ)).data).toBe("here");
    await Promise.all([hasty.close(), patient.close()]);
  });

  test.skipIf(lacks("channelRules"))("a denied name rejects its call alone", async () => {
    const limited = new Redis(server.url, { username: "limited", password: "" });
    const one = await limited.pubsub({ shared: true, channels: "ok1" });
    const error = await rejection(one.subscribe("no", "ok2"));
    expect(error).toBeInstanceOf(ServerError);
    expect((error as ServerError).names).toEqual(["no"]);
    expect([...one.channels.keys()]).toEqual(["ok1"]);
    const two = await limited.pubsub({ shared: true });
    expect(await rejection(two.subscribe("no"))).toBeInstanceOf(ServerError);
    await two.subscribe("ok1");
    expect(two.denied.size).toBe(0);
    await limited.close();
    expect([one.closed, two.closed]).toEqual([true, true]);
  });

  test("one that overflows with `error` fails alone, and may be taken up again", async () => {
    const one = await client.pubsub({ shared: true, channels: "a", buffer: { limit: 1, overflow: "error" } });
    const two = await client.pubsub({ shared: true, channels: "a", ignoreSubscribeMessages: true });
    const failed = new Promise((resolve) => one.once("error", resolve));
    for (let i = 0; i < 3; i++) await client.publish("a", "x");
    expect(await failed).toMatchObject({ code: "PUBSUB" });
    expect([one.state, two.state]).toEqual(["failed", "live"]);
    await leftOver(one).catch(() => {});
    await one.retry();
    expect(one.state).toBe("live");
    await Promise.all([one.close(), two.close()]);
  });

  test("cannot have what is the connection's, and cannot pause it", async () => {
    const refused = [
      { maxIdle: 1 },
      { retryPolicy: () => 1 },
      { audit: { interval: 1 } },
      { buffer: { overflow: "pause" } },
    ];
    for (const options of refused) {
      expect(await rejection(client.pubsub({ shared: true, ...options } as object))).toMatchObject({
        code: "ARGUMENT",
      });
    }
  });

  test("are counted by their client, also when they are closed", async () => {
    const own = new Redis(server.url);
    const one = await own.pubsub({ shared: true, channels: "a", ignoreSubscribeMessages: true });
    await own.publish("a", "four");
    await one.receive(READ);
    expect(own.stats()).toMatchObject({ consumers: 1, received: 1, delivered: 1, bytes: 4 });
    await one.close();
    expect(own.stats()).toMatchObject({ consumers: 0, received: 1, delivered: 1, bytes: 4, gaps: 0 });
    await own.close();
  });
});
