import { RedisCluster, type RedisClusterOptions } from "tidings";
import { describe, expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import {
  type FakeTopology,
  frameOf,
  nodeRecord,
  shardRecord,
  startFakeCluster,
  type Value,
} from "../support/fake-cluster.ts";
import type { FakeServer } from "../support/fake-server.ts";
import { slotOf } from "../support/slot.ts";
import { QUICK, rejection as rejectionOf } from "./fixtures.ts";

const ALL = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n";
const NO_SLOTS = new Error("ERR unknown subcommand");
const HALF = 8191;

const rejection = (promise: Promise<unknown>) => rejectionOf(promise) as Promise<Error>;

/** Two primaries with half of the slots each. */
const twoShards = ([a, b]: readonly FakeServer[]): FakeTopology => ({
  info: ALL,
  shards: [
    shardRecord([0, HALF], [nodeRecord(a as FakeServer)]),
    shardRecord([HALF + 1, 16_383], [nodeRecord(b as FakeServer)]),
  ],
  slots: NO_SLOTS,
});

/** Channels of the first half, and of the second. */
const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
const low = names.filter((name) => slotOf(name) <= HALF);
const high = names.filter((name) => slotOf(name) > HALF);

/** Servers that refuse what is not theirs, as the nodes of a cluster do. */
function redirect([a, b]: readonly FakeServer[], where: (server: FakeServer) => string): void {
  for (const [server, isMine, other] of [
    [a, (name: string) => slotOf(name) <= HALF, b],
    [b, (name: string) => slotOf(name) > HALF, a],
  ] as const) {
    for (const verb of ["SSUBSCRIBE", "SPUBLISH"]) {
      server?.handle(verb, (command, connection) => {
        const [name = ""] = command.args;
        if (isMine(name)) server.respond(command, connection);
        else connection.write(`-MOVED ${slotOf(name)} ${where(other as FakeServer)}\r\n`);
      });
    }
  }
}

async function start(size = 2, topology = twoShards, options: RedisClusterOptions = {}) {
  const cluster = await startFakeCluster(size, topology);
  const client = new RedisCluster((cluster.servers[0] as FakeServer).url, {
    retryPolicy: QUICK.retryPolicy,
    topologyRefreshInterval: 50,
    ...options,
  });
  client.on("error", () => {});
  return {
    ...cluster,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

type Stage = Awaited<ReturnType<typeof start>>;

async function works({ client }: Stage, channels: readonly string[]): Promise<void> {
  const consumer = await client.shardedPubsub({ ...QUICK, channels, ignoreSubscribeMessages: true });
  for (const channel of channels) {
    // What the nodes say of one another may take the channel elsewhere for a moment; a message of that moment is lost.
    await eventually(async () => {
      await client.spublish(channel, channel);
      expect(await consumer.receive({ timeout: 200 })).toMatchObject({ channel, data: channel });
    });
  }
  await consumer.close();
}

// Row 62.
describe("a topology that is not whole", () => {
  test("a shard without nodes: its channels wait, the others live; then all do", async () => {
    await using it = await start();
    const [first] = it.topology.shards as Value[];
    const whole = it.topology.shards;
    let refused = 0;
    it.topology.shards = [first ?? null, shardRecord([HALF + 1, 16_383], [])];
    for (const server of it.servers) {
      server.handle("SSUBSCRIBE", (command, connection) => {
        const known = it.topology.shards === whole || slotOf(command.args[0] ?? "") <= HALF;
        if (known) server.respond(command, connection);
        else if (refused++ >= 0) connection.write("-CLUSTERDOWN Hash slot not served\r\n");
      });
    }
    const consumer = await it.client.shardedPubsub({ ...QUICK, channels: low, ignoreSubscribeMessages: true });
    const waiting = consumer.subscribe(high);
    await eventually(() => expect(refused).toBeGreaterThan(2 * high.length));
    expect(await it.client.spublish(low[0] ?? "", "x")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "x" });
    it.topology.shards = whole;
    await deadline(waiting, 10_000, "the rest");
    expect(consumer.state).toBe("live");
  });

  test("a shard without nodes: a node that is asked tells by a MOVED who serves it", async () => {
    await using it = await start();
    redirect(it.servers, ({ host, port }) => `${host}:${port}`);
    const [first] = it.topology.shards as Value[];
    it.topology.shards = [first ?? null, shardRecord([HALF + 1, 16_383], [])];
    await works(it, names);
  });

  test("an empty one at the start is asked for again, by a consumer of either kind", async () => {
    await using it = await start(2, twoShards, { topologyRefreshInterval: 60_000 });
    const whole = it.topology.shards;
    it.topology.shards = [];
    const opening = [it.client.pubsub({ channels: "a" }), it.client.shardedPubsub({ channels: names })];
    await eventually(() => expect(it.client.topology.failure).not.toBe(null));
    it.topology.shards = whole;
    await deadline(Promise.all(opening), 10_000, "the consumers");
  });

  test("an empty one later is no news: nothing is forgotten, and new consumers find their nodes", async () => {
    await using it = await start();
    await works(it, names);
    it.topology.shards = [];
    it.topology.info = "cluster_state:ok\r\ncluster_slots_assigned:0\r\n";
    await eventually(() => expect(it.client.topology.failure).not.toBe(null));
    await works(it, names);
    expect(it.client.topology.layout?.covered).toBe(16_384);
  });

  test("nodes without a port, and records that are none, are left out", async () => {
    await using it = await start();
    const [server] = it.servers as [FakeServer];
    it.topology.shards = [
      "text",
      null,
      7,
      shardRecord([0, HALF], [nodeRecord(server), nodeRecord(server, { port: null, endpoint: "", role: "replica" })]),
      shardRecord([5, 4, -1, 2, "x", 99_999], "text"),
      ...(it.topology.shards as Value[]).slice(1),
    ];
    await works(it, names);
  });

  test.each([["?"], [""], [null]])("an endpoint of %j stands for the IP that is told beside it", async (endpoint) => {
    await using it = await start();
    it.topology.shards = it.servers.map((server, index) =>
      shardRecord(index === 0 ? [0, HALF] : [HALF + 1, 16_383], [nodeRecord(server, { endpoint })]),
    );
    await works(it, names);
  });

  test("CLUSTER SHARDS without slots where CLUSTER SLOTS has them", async () => {
    await using it = await start();
    const [a, b] = it.servers as [FakeServer, FakeServer];
    it.topology.shards = [shardRecord([0, HALF], [nodeRecord(a)]), shardRecord([], [nodeRecord(b)])];
    it.topology.slots = [
      [0, HALF, [a.host, a.port, "a"]],
      [HALF + 1, 16_383, [b.host, b.port, "b"]],
    ];
    await works(it, names);
  });
});

describe("a redirect", () => {
  test.each([["?"], [""]])("to a host of %j leads to the host that answered", async (host) => {
    await using it = await start(2, twoShards, { topologyRefreshInterval: 60_000 });
    // All belongs to the first, it is said; nothing is known of the second.
    it.topology.shards = [shardRecord([0, 16_383], [nodeRecord(it.servers[0] as FakeServer)])];
    redirect(it.servers, ({ port }) => `${host}:${port}`);
    await it.client.connect();
    const { refreshes } = it.client.topology;
    await works(it, names);
    await eventually(() => expect(it.client.topology.refreshes).toBeGreaterThan(refreshes));
  });

  test.each([
    ["to the node that answered", (server: FakeServer) => `-MOVED 1 ?:${server.port}`],
    ["without an address", () => "-MOVED 1"],
    ["to no port", () => "-MOVED 1 127.0.0.1:0"],
    ["of no slot", () => "-MOVED 99999 127.0.0.1:1"],
    ["to a host that is none", () => "-ASK 1 a\tb:1"],
  ])("%s is asked again by the policy, and followed once it makes sense", async (_, answer) => {
    await using it = await start();
    let mended = false;
    let refused = 0;
    for (const server of it.servers) {
      for (const verb of ["SSUBSCRIBE", "SPUBLISH"]) {
        server.handle(verb, (command, connection) => {
          if (mended) server.respond(command, connection);
          else if (refused++ >= 0) connection.write(`${answer(server)}\r\n`);
        });
      }
    }
    const opening = it.client.shardedPubsub({ ...QUICK, channels: names });
    const publishing = it.client.spublish(names[0] ?? "", "x");
    await eventually(() => expect(refused).toBeGreaterThan(names.length + 3));
    mended = true;
    await deadline(Promise.all([opening, publishing]), 10_000, "both");
  });
});

describe("a slot that no node serves", () => {
  const stage = async (answer: string) => {
    const it = await start(1, ([server]) => ({
      info: ALL,
      shards: [shardRecord([0, 16_383], [nodeRecord(server as FakeServer)])],
      slots: NO_SLOTS,
    }));
    for (const verb of ["SSUBSCRIBE", "SPUBLISH", "GET"]) {
      it.servers[0]?.handle(verb, (_command, connection) => connection.write(`-${answer}\r\n`));
    }
    return it;
  };

  const knowsGet = ([server]: readonly FakeServer[]) =>
    server?.handle("COMMAND", (_, connection) =>
      connection.write(frameOf([["get", 2, ["readonly"], 1, 1, 1]], connection.protocol)),
    );

  test("is named, with the channels and what to do, once the time of a subscribe is up", async () => {
    await using it = await stage("CLUSTERDOWN Hash slot not served");
    const client = new RedisCluster(it.servers[0]?.url ?? "", { connectTimeout: 400, readyTimeout: 400 });
    const error = await rejection(client.shardedPubsub({ channels: ["foo", "bar", "{foo}2"] }));
    await client.close();
    expect(error).toMatchObject({ code: "TIMEOUT", cause: { code: "CLUSTERDOWN" } });
    expect(error.message).toBe(
      'Not subscribed within 400 ms. No node of the cluster serves slots 12182 (channels "foo", "{foo}2"), 5061 (channel "bar"). See "redis-cli --cluster check"; bring back the node that had the slots, or give the slots to another one (redis-cli --cluster fix).',
    );
  });

  test("and told as a cluster that is down where that is why", async () => {
    await using it = await stage("CLUSTERDOWN The cluster is down");
    const client = new RedisCluster(it.servers[0]?.url ?? "", {
      connectTimeout: 400,
      readyTimeout: 400,
      commandTimeout: 2000,
    });
    const errors = await Promise.all(
      [client.shardedPubsub({ channels: "foo" }), client.spublish("foo", "x")].map(rejection),
    );
    await client.close();
    for (const { message } of errors) {
      expect(message).toContain('The cluster is down and does not serve slot 12182 (channel "foo"). See');
    }
    expect(errors[1]).toMatchObject({ code: "CLUSTERDOWN", command: "SPUBLISH", names: ["foo"] });
  });

  test("is named without a channel for any other command", async () => {
    await using it = await stage("CLUSTERDOWN Hash slot not served");
    knowsGet(it.servers);
    const client = new RedisCluster(it.servers[0]?.url ?? "", { commandTimeout: 2000 });
    const { message } = await rejection(client.call("GET", "foo"));
    await client.close();
    expect(message).toContain("GET was refused for 2000 ms. No node of the cluster serves slot 12182. See");
  });

  test("is named by each of many commands: none is sent when there is no time left for its answer", async () => {
    await using it = await stage("CLUSTERDOWN Hash slot not served");
    knowsGet(it.servers);
    const client = new RedisCluster(it.servers[0]?.url ?? "", { commandTimeout: 1000 });
    const calls = Array.from({ length: 50 }, () => rejection(client.call("GET", "foo")));
    for (const { message } of await Promise.all(calls)) expect(message).toContain("No node of the cluster serves slot");
    await client.close();
  });
});
