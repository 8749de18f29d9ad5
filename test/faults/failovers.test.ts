import type { Gap } from "tidings";
import { expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";

import { has, lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type ClusterFixture, onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

function causesOf(gaps: readonly Gap<string | Buffer>[]): string[] {
  return [...new Set(gaps.map(({ cause }) => cause))].sort();
}

/** A primary with its one replica, and channels that they serve. */
function aShard({ cluster }: ClusterFixture): { primary: ClusterNode; replica: ClusterNode; channels: string[] } {
  const [primary] = cluster.primaries as [ClusterNode];
  const [replica] = cluster.replicasOf(primary) as [ClusterNode];
  return { primary, replica, channels: cluster.channelsFor(primary, 6, "shard") };
}

// Rows 34 and 35.
onEveryClusterProtocol("a failover by hand", (bench) => {
  shardTest.each([
    ["default", false],
    ["default", true],
    ["takeover", false],
    ["takeover", true],
  ] as const)("%s, with subscriptions at replicas: %s", { timeout: 60_000 }, async (how, readFromReplicas) => {
    const { cluster } = bench;
    const { replica, channels } = aShard(bench);
    const witness = await ClusterWitness.sharded(bench.client(), cluster, {
      channels: channels.slice(0, 3),
      handled: channels.slice(3),
      options: { readFromReplicas },
    });
    await witness.receives(20);
    await cluster.failover(replica, how);
    await witness.receives(20);
    await witness.live();
    await cluster.inSync();
    await witness.receives(20);
    await expectServerTruth(cluster.living, { shardChannels: channels });
    expect(causesOf(witness.gaps).filter((cause) => cause !== "moved" && cause !== "disconnected")).toEqual([]);
    // What the old primary took last may come to a promoted replica over the bus, behind what that takes itself: the order
    // is the server's, with a gap in between where the replica dismisses its subscribers and without one elsewhere.
    if (!readFromReplicas) await witness.verify();
    else if (!has("promotionDismisses")) expect(witness.gaps).toEqual([]);
  });
});

// Row 36.
onEveryClusterProtocol("a primary that crashes", (bench) => {
  shardTest("its replica serves its channels before it is elected", { timeout: 60_000 }, async () => {
    const { cluster } = bench;
    const { primary, replica, channels } = aShard(bench);
    const witness = await ClusterWitness.sharded(bench.client(), cluster, {
      channels: channels.slice(0, 3),
      handled: channels.slice(3),
    });
    await witness.receives(20);
    await primary.kill();
    // It is a replica still: nobody has noticed but the consumer.
    await expectServerTruth(replica, { shardChannels: channels });
    expect(String(await replica.control.command("ROLE"))).toMatch(/^slave/);
    const heir = await cluster.waitForFailover(primary);
    expect(heir.name).toBe(replica.name);
    await witness.receives(20);
    await witness.live();
    await primary.start();
    await eventually(async () => {
      await cluster.agree();
      expect(cluster.replicas.map(({ name }) => name)).toContain(primary.name);
    });
    await cluster.inSync();
    await witness.receives(20);
    await witness.verify();
    await expectServerTruth(cluster.living, { shardChannels: channels });
    expect(Object.values(await shardConnections(cluster))).toEqual([1]);
  });

  test("a classic consumer at its node goes on at another", { timeout: 60_000 }, async () => {
    const { cluster } = bench;
    const [through] = cluster.replicas as [ClusterNode];
    const witness = await ClusterWitness.classic(bench.client(), through, { channels: ["classic"], handled: ["h"] });
    await witness.receives(20);
    const nodes = await Promise.all(
      cluster.living.map(async (node) => ({ node, numsub: await node.control.command("PUBSUB", "NUMSUB", "classic") })),
    );
    const home = nodes.find(({ numsub }) => String(numsub) === "classic,1")?.node;
    if (home === undefined) throw new Error("the consumer is at no node");
    await home.kill();
    await witness.receives(20);
    await witness.live();
    await expectServerTruth(cluster.living, { channels: ["classic", "h"] });
    await witness.verify();
    expect(causesOf(witness.gaps)).toEqual(["disconnected"]);
    await cluster.waitForFailover(home);
    await home.start();
    await eventually(() => cluster.agree());
    await cluster.inSync();
  });
});

// Row 44.
onEveryClusterProtocol(
  "a replica that is read from and dies",
  (bench) => {
    shardTest("another replica takes over, and when there is none the primary", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const [primary] = cluster.primaries as [ClusterNode];
      const channels = cluster.channelsFor(primary, 6, "shard");
      const witness = await ClusterWitness.sharded(bench.client(), cluster, {
        channels: channels.slice(0, 3),
        handled: channels.slice(3),
        options: { readFromReplicas: true },
      });
      const left = cluster.replicasOf(primary);
      const dead: ClusterNode[] = [];
      while (left.length > 0) {
        await witness.receives(20);
        const [home] = Object.keys(await shardConnections(cluster));
        const at = left.findIndex(({ name }) => name === home);
        expect(left.map(({ name }) => name)).toContain(home);
        const [victim] = left.splice(at, 1) as [ClusterNode];
        await victim.kill();
        dead.push(victim);
        await witness.receives(20);
        await witness.live();
        await expectServerTruth(cluster.living, { shardChannels: channels });
      }
      expect(Object.keys(await shardConnections(cluster))).toEqual([primary.name]);
      await Promise.all(dead.map((node) => node.start()));
      await eventually(() => cluster.agree());
      await cluster.inSync();
      await witness.verify();
      expect(causesOf(witness.gaps)).toEqual(["disconnected"]);
    });

    test("a classic consumer reads from replicas while there are any", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const consumer = await bench.client().pubsub({ ...QUICK, channels: ["classic"], readFromReplicas: true });
      await expectServerTruth(cluster.replicas, { channels: ["classic"] });
      await consumer.close();
    });
  },
  { replicasPerPrimary: 2, protocols: [3] },
);
