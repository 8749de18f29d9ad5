import type { RedisCluster } from "tidings";
import { expect, test } from "vitest";
import { clientList } from "../support/clients.ts";
import type { ClusterNode } from "../support/cluster-node.ts";
import { slotsIn } from "../support/cluster-view.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { baseline, expectBaseline } from "../support/leaks.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { CONTROL_USER } from "../support/server-config.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { slotOf } from "../support/slot.ts";
import { onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

/** The library's connections to a node. */
async function connections({ control }: ClusterNode): Promise<string[]> {
  const users = (await clientList(control)).filter(({ user, flags }) => user !== CONTROL_USER && !/[MS]/.test(flags));
  return users.map(({ addr, cmd }) => `${addr} ${cmd}`);
}

/** Opens classic consumers until one is at the node; the others are closed. */
async function classicAt(client: RedisCluster, node: ClusterNode, cluster: TestCluster) {
  for (;;) {
    const witness = await ClusterWitness.classic(client, cluster.primaries[0] as ClusterNode, {
      channels: ["classic"],
    });
    const subscribers = (await clientList(node.control)).filter(({ sub }) => sub > 0);
    if (subscribers.length > 0) return witness;
    await witness.stamper.stop();
    await witness.consumer.close();
  }
}

// Row 37.
for (const fullCoverage of [false, true]) {
  onEveryClusterProtocol(
    `a shard that dies as a whole, ${fullCoverage ? "and the cluster with it" : "in a cluster that goes on"}`,
    (bench) => {
      shardTest("is waited for, and serves its channels again once it is back", { timeout: 60_000 }, async () => {
        const { cluster } = bench;
        const [primary, ...others] = cluster.primaries as [ClusterNode, ...ClusterNode[]];
        const shard = [primary, ...cluster.replicasOf(primary)];
        expect(shard).toHaveLength(2);
        const dying = cluster.channelsFor(primary, 4, "dying");
        const living = others.flatMap((node) => cluster.channelsFor(node, 2, "living"));
        const client = bench.client();
        const witness = await ClusterWitness.sharded(client, cluster, {
          channels: [...dying.slice(0, 2), ...living.slice(0, 2)],
          handled: [...dying.slice(2), ...living.slice(2)],
          patience: 20_000,
        });
        await witness.receives(10);
        await Promise.all(shard.map((node) => node.kill()));
        await eventually(() => expect(witness.consumer.state).toBe("reconnecting"));
        if (!fullCoverage) {
          await witness.receives(100, living);
          // Another shard takes subscriptions meanwhile.
          const [more = ""] = cluster.channelsFor(others[0] as ClusterNode, 1, "more");
          await deadline(witness.consumer.subscribe(more), 5000, "the subscribe");
          await deadline(witness.consumer.unsubscribe(more), 5000, "the unsubscribe");
        }
        // Until the others hold both for dead.
        await eventually(
          async () => {
            const records = (await others[0]?.view())?.records ?? [];
            const dead = records.filter((record) => shard.some(({ id }) => id === record.id));
            expect(dead.map(({ flags }) => flags.has("fail"))).toEqual([true, true]);
          },
          { timeout: 20_000 },
        );
        expect([witness.gaps, witness.consumer.state]).toEqual([[], "reconnecting"]);
        await Promise.all(shard.map((node) => node.start()));
        await cluster.agree();
        await witness.receives(20);
        await witness.live();
        await witness.verify();
        expect(new Set(witness.gaps.map(({ cause }) => cause))).toEqual(new Set(["disconnected"]));
        expect(new Set(witness.gaps.flatMap(({ channels }) => channels))).toEqual(new Set(dying));
        await expectServerTruth(cluster.living, { shardChannels: [...dying, ...living] });
        // One connection for each shard.
        expect(Object.values(await shardConnections(cluster))).toEqual([1, 1, 1]);
      });

      shardTest("keeps nobody from unsubscribing and closing", async () => {
        const { cluster } = bench;
        const [primary, other] = cluster.primaries as [ClusterNode, ClusterNode];
        const shard = [primary, ...cluster.replicasOf(primary)];
        const dying = cluster.channelsFor(primary, 2, "dying");
        const living = cluster.channelsFor(other, 2, "living");
        const before = baseline();
        const client = bench.client();
        const leaving = await client.shardedPubsub({ ...QUICK, channels: [...dying, ...living] });
        const closing = await client.shardedPubsub({ ...QUICK, channels: [...dying, ...living] });
        await Promise.all(shard.map((node) => node.kill()));
        try {
          await eventually(() => expect([leaving.state, closing.state]).toEqual(["reconnecting", "reconnecting"]));
          await deadline(closing.close(), 5000, "the end");
          await deadline(leaving.unsubscribe(dying), 5000, "the unsubscribe");
          await eventually(() => expect(leaving.state).toBe("live"));
          await expectServerTruth(cluster.living, { shardChannels: living });
          await deadline(leaving.close(), 5000, "the end");
          await deadline(client.close(), 5000, "the client's end");
          await expectServerTruth(cluster.living, {});
          await expectBaseline(before);
        } finally {
          await Promise.all(shard.map((node) => node.start()));
          await cluster.agree();
        }
      });
    },
    { fullCoverage, protocols: fullCoverage ? [3] : [3, 2] },
  );
}

// Row 41.
onEveryClusterProtocol(
  "a node that is added, and removed again",
  (bench) => {
    shardTest("gets the channels of its slots, and keeps no connection in the end", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const [first] = cluster.primaries as [ClusterNode];
      const slots = slotsIn(first.slots).slice(0, 10);
      const moving = slots.slice(0, 5).flatMap((slot) => cluster.channelsForSlot(slot, 1, "moving"));
      const staying = cluster.primaries.flatMap((node) =>
        cluster.channelsFor(node, 3, "staying").filter((name) => !slots.includes(slotOf(name))),
      );
      const client = bench.client({ topologyRefreshInterval: 500 });
      const witness = await ClusterWitness.sharded(client, cluster, {
        channels: [...moving.slice(0, 3), ...staying],
        handled: moving.slice(3),
      });
      await witness.receives(10);
      const added = await cluster.addNode();
      await cluster.moveSlots(slots, added);
      await witness.receives(20);
      await witness.live();
      await eventually(async () => expect((await shardConnections(cluster))[added.name]).toBe(1));
      await expectServerTruth(cluster.living, { shardChannels: [...moving, ...staying] });
      // It is used for more: a classic consumer, and commands.
      const classic = await classicAt(client, added, cluster);
      await classic.receives(10);

      await cluster.moveSlots(slots, first);
      await witness.receives(20);
      await witness.live();
      await cluster.forget(added);
      await eventually(async () => expect(await connections(added)).toEqual([]));
      await classic.live();
      await classic.receives(20);
      await witness.receives(20);
      await classic.verify();
      await witness.verify();
      await expectServerTruth(cluster.living, { channels: ["classic"], shardChannels: [...moving, ...staying] });
      expect(new Set(witness.gaps.map(({ cause }) => cause))).toEqual(new Set(["moved"]));
      expect(witness.gaps.flatMap(({ channels }) => channels).sort()).toEqual([...moving, ...moving].sort());
      expect(classic.gaps.map(({ cause, channels }) => [cause, channels])).toEqual([["disconnected", ["classic"]]]);
    });
  },
  { replicasPerPrimary: 0 },
);

// Row 43.
onEveryClusterProtocol(
  "a cluster of which no seed is left",
  (bench) => {
    shardTest("is found by what was learned of it", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const seeds = [...cluster.nodes];
      const channels = cluster.primaries.flatMap((node) => cluster.channelsFor(node, 2, "channel"));
      const client = bench.client();
      const heirs: ClusterNode[] = [];
      while (heirs.length < seeds.length) heirs.push(await cluster.addNode());
      const [through] = heirs as [ClusterNode];
      const witness = await ClusterWitness.sharded(client, cluster, {
        channels: channels.slice(1),
        handled: channels.slice(0, 1),
      });
      const classic = await ClusterWitness.classic(client, through, { channels: ["classic"] });
      await witness.receives(10);
      for (const [index, seed] of seeds.entries()) {
        const [one = 0, ...rest] = slotsIn(seed.slots);
        const heir = heirs[index] ?? through;
        // Who loses its last slots to a node that had none becomes its replica; a seed is to become nobody.
        await cluster.moveSlots([one], heir);
        await cluster.moveSlots(rest, heir);
      }
      await witness.receives(10);
      await witness.live();
      expect(new Set(witness.gaps.flatMap(({ channels }) => channels))).toEqual(new Set(channels));
      expect(new Set(witness.gaps.map(({ cause }) => cause))).toEqual(new Set(["moved"]));
      for (const seed of seeds) {
        await cluster.forget(seed);
        await seed.kill();
      }
      await classic.receives(20);
      // All connections are lost, and every new one has to find its way.
      for (const { control } of cluster.living) {
        await control.command("CLIENT", "KILL", "TYPE", "pubsub");
        await control.command("CLIENT", "KILL", "TYPE", "normal", "USER", "default");
      }
      await eventually(() => expect(new Set(witness.gaps.map(({ cause }) => cause)).has("disconnected")).toBe(true));
      await witness.receives(20);
      await classic.receives(20);
      await Promise.all([witness.live(), classic.live()]);
      await witness.verify();
      await classic.verify();
      const [channel = ""] = channels;
      await using late = await client.shardedPubsub({ ...QUICK, channels: channel, ignoreSubscribeMessages: true });
      expect(await client.spublish(channel, `x:${channel}:1`)).toBe(2);
      expect((await late.receive({ timeout: 5000 })).data).toBe(`x:${channel}:1`);
      await late.close();
      await expectServerTruth(cluster.living, { channels: ["classic"], shardChannels: channels });
    });
  },
  { primaries: 2, replicasPerPrimary: 0, protocols: [3] },
);
