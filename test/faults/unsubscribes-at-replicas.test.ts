import { RedisCluster } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { oneShard, startFakeCluster } from "../support/fake-cluster.ts";
import type { FakeServer } from "../support/fake-server.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { onEveryClusterProtocol } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

const names = (count: number, prefix = "x") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

// Row 63. Redis 8.0 refuses here; TIDINGS_SERVER names one. Other servers do as they are told.
onEveryClusterProtocol("unsubscribing at replicas", (bench) => {
  shardTest("leaves nothing behind, and interrupts no other channel", async () => {
    const { cluster } = bench;
    const client = bench.client({ readFromReplicas: true });
    const witness = await ClusterWitness.sharded(client, cluster, { channels: names(5, "keep") });
    await witness.consumer.subscribe(names(100));
    await witness.receives(5, names(5, "keep"));
    await witness.consumer.unsubscribe(names(100));
    await expectServerTruth(cluster.living, { shardChannels: names(5, "keep") });
    await witness.receives(5);
    await witness.verify();
    expect(witness.gaps).toEqual([]);
  });
});

/** Refuses a SUNSUBSCRIBE with names as Redis 8.0 does, and keeps the subscriptions. READONLY does not help. */
function refuseNames(server: FakeServer): { readonly refused: string[]; bare: number } {
  const seen = { refused: [] as string[], bare: 0 };
  server.handle("SUNSUBSCRIBE", (command, connection) => {
    if (command.args.length > 0) {
      seen.refused.push(...command.args);
      connection.write("-MOVED 1 127.0.0.1:1\r\n");
      return;
    }
    seen.bare++;
    server.respond(command, connection);
  });
  return seen;
}

const held = ({ connections }: FakeServer) => connections.flatMap(({ subscriptions }) => [...subscriptions.s]).sort();

describe.each([3, 2] as const)("a SUNSUBSCRIBE that is refused (RESP%i)", (protocol) => {
  const stage = async (channels: string[]) => {
    const cluster = await startFakeCluster(1, oneShard);
    const [server] = cluster.servers as [FakeServer];
    const client = new RedisCluster(server.url, { protocol, retryPolicy: QUICK.retryPolicy });
    const consumer = await client.shardedPubsub({
      ...QUICK,
      channels,
      unsubscriptionTimeout: 10_000,
      includeGaps: true,
      ignoreSubscribeMessages: true,
    });
    const stop = async () => {
      await client.close();
      await cluster[Symbol.asyncDispose]();
    };
    return { server, client, consumer, seen: refuseNames(server), [Symbol.asyncDispose]: stop };
  };

  test("is followed by one without names; what stays is subscribed again, with a gap", async () => {
    await using it = await stage(["a", "b", ...names(50)]);
    const { server, consumer, seen } = it;
    await consumer.unsubscribe(names(50));
    await eventually(() => expect([held(server), consumer.state]).toEqual([["a", "b"], "live"]));
    // All of one moment need one.
    expect([seen.refused.length, seen.bare]).toEqual([50, 1]);
    const told: unknown[] = [];
    while (told.length < 2) {
      const item = await consumer.receive({ timeout: 5000 });
      expect(item).toMatchObject({ type: "gap", cause: "moved" });
      if (item.type === "gap") told.push(...item.channels);
    }
    expect(told).toEqual(["a", "b"]);
    server.publish("a", "after", "s");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "a", data: "after" });
  });

  test("of all names needs nothing more", async () => {
    await using it = await stage(["a", "b"]);
    await it.consumer.unsubscribe();
    await eventually(() => expect(held(it.server)).toEqual([]));
    expect([it.seen.bare > 0, it.consumer.channels.size]).toEqual([true, 0]);
  });

  test("of a name that is wanted again at once leaves it subscribed, without a gap of its own", async () => {
    await using it = await stage(["a", "b"]);
    const { server, consumer } = it;
    await Promise.all([consumer.unsubscribe("a"), consumer.subscribe("a")]);
    await Promise.all([consumer.unsubscribe("b"), new Promise(setImmediate).then(() => consumer.subscribe("b"))]);
    await eventually(() => expect([held(server), consumer.state]).toEqual([["a", "b"], "live"]));
    server.publish("a", "1", "s");
    server.publish("b", "2", "s");
    const data: unknown[] = [];
    while (data.length < 2) {
      const item = await consumer.receive({ timeout: 5000 });
      if (item.type !== "gap") data.push(item.data);
    }
    expect(data).toEqual(["1", "2"]);
  });

  test("while another subscribe is under way ends with both as they were asked", async () => {
    await using it = await stage(["a"]);
    const { server, consumer } = it;
    await Promise.all([consumer.unsubscribe("a"), consumer.subscribe(names(20, "new"))]);
    await eventually(() => expect([held(server), consumer.state]).toEqual([names(20, "new").sort(), "live"]));
    for (const channel of names(20, "new")) expect(server.publish(channel, "x", "s")).toBe(1);
  });

  test("even without names bars the connection from the pool", async () => {
    await using it = await stage(["a"]);
    const { server, consumer } = it;
    server.handle("SUNSUBSCRIBE", (_, connection) => connection.write("-NOPERM no\r\n"));
    await consumer.unsubscribe("a");
    await consumer.close();
    await eventually(() => expect(held(server)).toEqual([]));
  });
});
