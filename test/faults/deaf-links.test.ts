import type { Gap } from "tidings";
import { expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";
import { has, lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

function causesOf(gaps: readonly Gap<string | Buffer>[]): string[] {
  return [...new Set(gaps.map(({ cause }) => cause))].sort();
}

/** The node where the classic channel is subscribed. */
async function homeOf(nodes: readonly ClusterNode[], channel: string): Promise<ClusterNode> {
  for (const node of nodes) {
    const counts = await node.control.command("PUBSUB", "NUMSUB", channel);
    if (String(counts) === `${channel},1`) return node;
  }
  throw new Error(`${channel} is subscribed nowhere`);
}

// Row 38. Redis 7.0 keeps silent, and the connection is deaf; newer servers push `sunsubscribe`.
onEveryClusterProtocol(
  "a replica that is given to another primary",
  (bench) => {
    shardTest.each([
      ["an audit", { audit: { interval: 200 } }, {}],
      ["a refresh of the topology", {}, { topologyRefreshInterval: 200 }],
    ] as const)("is found deaf by %s", { timeout: 60_000 }, async (_what, options, clientOptions) => {
      const { cluster } = bench;
      const [primary, other] = cluster.primaries as [ClusterNode, ClusterNode];
      const channels = cluster.channelsFor(primary, 4, "shard");
      const witness = await ClusterWitness.sharded(bench.client(clientOptions), cluster, {
        channels: channels.slice(0, 2),
        handled: channels.slice(2),
        options: { readFromReplicas: true, ...options },
      });
      await witness.receives(20);
      const [home] = Object.keys(await shardConnections(cluster));
      const replica = cluster.replicasOf(primary).find(({ name }) => name === home);
      if (replica === undefined) throw new Error("it reads from no replica");
      await cluster.reparent(replica, other);
      await witness.receives(20);
      await witness.live();
      await witness.verify();
      expect(causesOf(witness.gaps)).toEqual([has("reparentingDismisses") ? "moved" : "stale"]);
      await expectServerTruth(cluster.living, { shardChannels: channels });
      await witness.consumer.close();
      await cluster.reparent(replica, primary);
      await cluster.inSync();
    });
  },
  { replicasPerPrimary: 1 },
);

const PROBE = { probe: { interval: 200, channel: "probe" } };

// Row 39.
onEveryClusterProtocol("a node that has lost the majority", (bench) => {
  test("serves nobody, and the consumer goes on when the majority is back", { timeout: 60_000 }, async () => {
    const { cluster } = bench;
    const [one, ...others] = cluster.primaries as [ClusterNode, ...ClusterNode[]];
    const witness = await ClusterWitness.classic(bench.client({ topologyRefreshInterval: 500 }), one, {
      channels: ["classic"],
      options: PROBE,
    });
    await witness.receives(20);
    const frozen = others.filter(({ name }) => name !== one.name);
    for (const node of frozen) node.freeze();
    try {
      await eventually(() => expect(witness.consumer.state).toBe("reconnecting"), { timeout: 20_000 });
    } finally {
      for (const node of frozen) node.thaw();
    }
    await eventually(() => cluster.agree(), { timeout: 20_000 });
    await witness.receives(20);
    await witness.live();
    expect(causesOf(witness.gaps)).toEqual(["disconnected"]);
    await witness.verify();
  });
});

// Row 40.
onEveryClusterProtocol(
  "a node whose bus is cut",
  (bench) => {
    test("is left when the probe does not arrive; without a cut there is no gap", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const client = bench.client();
      const consumer = await client.pubsub({ channels: ["classic"], maxIdle: 1000, pingTimeout: 500, ...PROBE });
      const gaps: Gap<string | Buffer>[] = [];
      consumer.on("gap", (gap) => gaps.push(gap));
      const home = await homeOf(cluster.living, "classic");
      const probes = async () =>
        Number(
          /cmdstat_publish:calls=(\d+)/.exec(String(await home.control.command("INFO", "commandstats")))?.[1] ?? 0,
        );
      const before = await probes();
      const start = Date.now();
      await eventually(() => expect(Date.now() - start).toBeGreaterThan(1000));
      expect([gaps, consumer.state, await probes()]).toEqual([[], "live", before]);
      const cutAt = Date.now();
      cluster.cutBus(home);
      try {
        await eventually(() => expect(gaps.map(({ cause }) => cause)).toEqual(["disconnected"]), { timeout: 20_000 });
        await eventually(() => expect(consumer.state).toBe("live"));
        expect((await homeOf(cluster.living, "classic")).name).not.toBe(home.name);
        // It tells of the time since the last message came through, not since the last PONG.
        expect(gaps[0]?.from).toBeLessThan(cutAt + 500);
      } finally {
        await cluster.healBus();
      }
      await consumer.close();
      await eventually(() => cluster.agree(), { timeout: 20_000 });
    });
  },
  { proxied: { bus: true }, nodeTimeout: 5000, protocols: [3], needs: "sourceAddresses" },
);
