import { setTimeout as sleep } from "node:timers/promises";
import type { ItemOf, ShardedPubSub } from "tidings";
import { expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { slotsIn } from "../support/cluster-view.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { baseline, expectBaseline } from "../support/leaks.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

/** A slot of the first primary, and another primary. */
function aSlot(cluster: TestCluster): { slot: number; owner: ClusterNode; other: ClusterNode } {
  const [owner, other] = cluster.primaries as [ClusterNode, ClusterNode];
  const [slot = 0] = slotsIn(owner.slots);
  return { slot, owner, other };
}

/** Takes a slot from its owner for as long as something goes on, however it ends, and gives it to an heir. */
async function withoutOwner(
  cluster: TestCluster,
  { slot, heir }: { readonly slot: number; readonly heir: ClusterNode },
  meanwhile: () => Promise<void>,
): Promise<void> {
  await cluster.delSlots([slot]);
  try {
    await meanwhile();
  } finally {
    await cluster.addSlots([slot], heir);
  }
}

// Row 42. With full coverage the whole cluster is down while one slot has no owner, and refuses everybody.
for (const fullCoverage of [false, true]) {
  onEveryClusterProtocol(
    `a slot without an owner, ${fullCoverage ? "and so a cluster that is down" : "in a cluster that goes on"}`,
    (bench) => {
      shardTest.each(["the same node", "another one"])("is waited for, and followed to %s", async (heir) => {
        const { cluster } = bench;
        const { slot, owner, other } = aSlot(cluster);
        const unbound = cluster.channelsForSlot(slot, 4, "unbound");
        const bound = cluster.primaries.flatMap((node) =>
          cluster.channelsFor(node, 4, "bound").filter((_, index) => index > 1),
        );
        const client = bench.client();
        const witness = await ClusterWitness.sharded(client, cluster, {
          channels: [...unbound.slice(0, 2), ...bound.slice(0, 3)],
          handled: [...unbound.slice(2), ...bound.slice(3)],
        });
        await witness.receives(10);
        await withoutOwner(cluster, { slot, heir: heir === "the same node" ? owner : other }, async () => {
          await eventually(() => expect(witness.consumer.state).toBe("reconnecting"));
          const before = client.topology.refreshes;
          const since = performance.now();
          // It is looked for again and again, in no haste; the others never notice.
          await eventually(() => expect(client.topology.refreshes).toBeGreaterThan(before + 5));
          if (!fullCoverage) await witness.receives(20, bound);
          const tenths = (performance.now() - since) / 100;
          expect(client.topology.refreshes - before).toBeLessThan(tenths + 3);
          expect(witness.gaps).toEqual([]);
        });
        await witness.receives(20);
        await witness.live();
        await witness.verify();
        expect(witness.gaps.map(({ cause, channels }) => [cause, [...channels].sort()])).toEqual([
          ["moved", [...unbound].sort()],
        ]);
        expect(witness.states).toEqual(["reconnecting", "live"]);
        await expectServerTruth(cluster.living, { shardChannels: [...unbound, ...bound] });
      });

      shardTest("keeps who subscribes to it waiting, and nobody who leaves", async () => {
        const { cluster } = bench;
        const { slot, owner } = aSlot(cluster);
        const [early, late, never, another] = cluster.channelsForSlot(slot, 4) as [string, string, string, string];
        const client = bench.client();
        await client.connect();
        const consumer = await client.shardedPubsub({ ...QUICK, channels: early, ignoreSubscribeMessages: true });
        let subscribed = Promise.resolve();
        let second: Promise<ShardedPubSub<ItemOf<string, string, true>>> | undefined;
        await withoutOwner(cluster, { slot, heir: owner }, async () => {
          subscribed = consumer.subscribe(late);
          const abandoned = consumer.subscribe(never);
          second = client.shardedPubsub({ ...QUICK, channels: another, ignoreSubscribeMessages: true });
          await eventually(() => expect(consumer.state).toBe("reconnecting"));
          // Longer than `subscriptionTimeout`, which bounds a server's silence; here servers say that they have no slot.
          await sleep(1500);
          await deadline(consumer.unsubscribe(never), 3000, "the unsubscribe");
          await deadline(abandoned, 3000, "the subscribe that it undoes");
        });
        await deadline(subscribed, 5000, "the subscribe");
        const other = await deadline(second, 5000, "the consumer");
        await eventually(() => expect(consumer.state).toBe("live"));
        await expectServerTruth(cluster.living, { shardChannels: [early, late, another] });
        for (const channel of [early, late, never, another]) {
          expect(await client.spublish(channel, "x")).toBe(channel === never ? 0 : 1);
        }
        expect([await consumer.receive({ timeout: 5000 }), await consumer.receive({ timeout: 5000 })]).toMatchObject([
          { channel: early },
          { channel: late },
        ]);
        expect(await other?.receive({ timeout: 5000 })).toMatchObject({ channel: another });
      });

      shardTest("holds no consumer back that wants nothing more, or closes", async () => {
        const { cluster } = bench;
        const { slot, owner } = aSlot(cluster);
        const channels = cluster.channelsForSlot(slot, 2);
        const client = bench.client();
        await client.connect();
        const before = baseline();
        const leaving = await client.shardedPubsub({ ...QUICK, channels });
        const closing = await client.shardedPubsub({ ...QUICK, channels: cluster.channelsForSlot(slot, 2, "closing") });
        await withoutOwner(cluster, { slot, heir: owner }, async () => {
          await eventually(() => expect([leaving.state, closing.state]).toEqual(["reconnecting", "reconnecting"]));
          await deadline(closing.close(), 3000, "the end");
          await deadline(leaving.unsubscribe(), 3000, "the unsubscribe");
          await eventually(() => expect(leaving.state).toBe("live"));
          expect([leaving.channels.size, await shardConnections(cluster)]).toEqual([0, {}]);
          await deadline(leaving.close(), 3000, "the end");
        });
        await expectServerTruth(cluster.living, {});
        await client.close();
        await expectBaseline(before);
      });

      test("is no matter to classic channels", async () => {
        const { cluster } = bench;
        const { slot, owner, other } = aSlot(cluster);
        const witness = await ClusterWitness.classic(bench.client(), other, {
          channels: cluster.channelsForSlot(slot, 2),
        });
        await witness.receives(10);
        await withoutOwner(cluster, { slot, heir: owner }, () => witness.receives(20));
        await witness.receives(10);
        expect(await witness.verify()).toBe(0);
        expect([witness.gaps, witness.states]).toEqual([[], []]);
      });
    },
    { fullCoverage, replicasPerPrimary: 0, protocols: fullCoverage ? [3] : [3, 2] },
  );
}
