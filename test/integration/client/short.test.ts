import { ArgumentError, bytes, json, Redis, ServerError } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { subscriberClients } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { slotOf } from "../../support/slot.ts";
import { onCluster } from "../cluster/fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

const READ = { timeout: 5000 };

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("a client's subscribe and psubscribe", () => {
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

  test("give consumers that share one connection and show messages alone", async () => {
    const one = await client.subscribe("a");
    const two = await client.subscribe(["a", "b"]);
    const three = await client.psubscribe("p*");
    await eventually(async () => expect(await subscriberClients(server.control)).toHaveLength(1));
    await client.publish("a", "x");
    await client.publish("p1", "y");
    expect(await one.receive(READ)).toEqual({ type: "message", pattern: null, channel: "a", data: "x" });
    expect(await two.receive(READ)).toMatchObject({ data: "x" });
    expect(await three.receive(READ)).toEqual({ type: "pmessage", pattern: "p*", channel: "p1", data: "y" });
    await one.close();
    await expectServerTruth(server, { channels: ["a", "b"], patterns: ["p*"] });
    await Promise.all([two.close(), three.close()]);
    await expectServerTruth(server, {});
  });

  test("take a handler, and options behind it or in its place", async () => {
    const seen: unknown[] = [];
    const typed = await client.subscribe("n", ({ data }) => seen.push(data.id), { codec: json<{ id: number }>() });
    const all = await client.psubscribe(new Set(["n*", "m*"]), ({ pattern, channel }) => seen.push(pattern + channel));
    const raw = await client.subscribe(Buffer.from("n"), {
      codec: bytes,
      names: "bytes",
      ignoreSubscribeMessages: false,
    });
    const own = await client.subscribe("n", undefined, { shared: false, maxIdle: 5000 });
    await eventually(async () => expect(await subscriberClients(server.control)).toHaveLength(2));
    expect(await raw.getMessage(READ)).toMatchObject({ type: "subscribe", channel: Buffer.from("n"), data: 1 });
    await client.publish("n", '{"id":7}');
    expect((await raw.receive(READ)).data).toEqual(Buffer.from('{"id":7}'));
    expect((await own.receive(READ)).data).toBe('{"id":7}');
    await eventually(() => expect(seen.sort()).toEqual([7, "n*n"].sort()));
    await Promise.all([typed.close(), all.close(), raw.close(), own.close()]);
  });

  test.skipIf(lacks("channelRules"))("reject with a denied name, and leave nothing", async () => {
    const limited = new Redis({ host: "127.0.0.1", port: server.port, username: "limited", password: "x" });
    const error = await refusal(limited.subscribe(["ok", "secret"]));
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ code: "NOPERM", names: ["secret"] });
    await expectServerTruth(server, {});
    expect(limited.stats().consumers).toBe(0);
    await limited.close();
  });

  test.each<[string, unknown[]]>([
    ["several names one by one", ["a", "b"]],
    ["no name", []],
    ["an empty list", [[]]],
    ["a name that is none", [7]],
    ["names among the options", ["a", { channels: "b" }]],
    ["handlers among the options", ["a", () => {}, { patternHandlers: {} }]],
    ["an unknown option", ["a", { codex: bytes }]],
    ["too much", ["a", () => {}, {}, {}]],
    ["an option of the connection", ["a", { maxIdle: 5 }]],
  ])("refuse %s", async (_what, args) => {
    for (const method of ["subscribe", "psubscribe"] as const) {
      const error = await refusal((client[method] as (...args: unknown[]) => Promise<unknown>)(...args));
      expect(error).toBeInstanceOf(ArgumentError);
    }
  });
});

onCluster("the short ways of a cluster", (bench) => {
  shardTest("share one connection for classic channels, and one for each node for shard channels", async () => {
    const { cluster } = bench;
    const client = bench.client();
    const classic = await Promise.all([client.subscribe("a"), client.subscribe("b"), client.psubscribe("a*")]);
    const held = await Promise.all(cluster.living.map((node) => bench.connections(node)));
    expect(held.flat().map(({ sub, psub }) => [sub, psub])).toContainEqual([2, 1]);
    expect(held.flat().filter(({ sub, psub }) => sub + psub > 0)).toHaveLength(1);

    const names = cluster.primaries.flatMap((node) => cluster.channelsFor(node, 20, "short"));
    const seen: string[] = [];
    const sharded = await Promise.all(names.map((name) => client.ssubscribe(name, ({ data }) => seen.push(data))));
    expect((await bench.seats()).map(([, count]) => count)).toEqual([20, 20, 20]);
    for (const name of names) await client.spublish(name, name);
    await eventually(() => expect(seen.sort()).toEqual([...names].sort()));
    await client.publish("a", "x");
    for (const consumer of classic) if (consumer !== classic[1]) expect((await consumer.receive(READ)).data).toBe("x");
    await Promise.all([...classic, ...sharded].map((consumer) => consumer.close()));
    await expectServerTruth(cluster.living, {});
  });

  shardTest("a shared sharded consumer follows its slot, and the others are told nothing", async () => {
    const { cluster } = bench;
    const client = bench.client();
    const [from, to] = cluster.primaries as [(typeof cluster.primaries)[0], (typeof cluster.primaries)[0]];
    const [moving] = cluster.channelsFor(from, 1, "moving") as [string];
    const [staying] = cluster.channelsFor(to, 1, "staying") as [string];
    const follower = await client.ssubscribe(moving, { includeGaps: true });
    const other = await client.ssubscribe(staying, { includeGaps: true });
    await cluster.migrateSlot(slotOf(moving), to);
    const gap = await follower.receive(READ);
    expect(gap).toMatchObject({ type: "gap", cause: "moved", channels: [moving] });
    await client.spublish(moving, "after");
    expect(await follower.receive(READ)).toMatchObject({ data: "after" });
    await client.spublish(staying, "still");
    expect(await other.receive(READ)).toMatchObject({ data: "still" });
    expect([follower.stats().gaps, other.stats().gaps]).toEqual([1, 0]);
    await client.close();
  });
});
