import { setTimeout as sleep } from "node:timers/promises";
import type { Gap } from "tidings";
import { describe, expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { slotsIn } from "../support/cluster-view.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap } from "../support/leaks.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { has, lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

/** A primary, and a slot of its with the primary that is to get it. */
function aMove(cluster: TestCluster): { slot: number; source: ClusterNode; target: ClusterNode } {
  const [source, target] = cluster.primaries as [ClusterNode, ClusterNode];
  const [slot = 0] = slotsIn(source.slots);
  return { slot, source, target };
}

/** How many SSUBSCRIBE commands the nodes have taken or sent elsewhere. */
async function shardSubscribes(cluster: TestCluster): Promise<number> {
  const counts = await Promise.all(
    cluster.living.map(async ({ control }) => {
      const stats = String(await control.command("INFO", "commandstats"));
      const [, calls = 0, refused = 0] = /^cmdstat_ssubscribe:calls=(\d+),.*rejected_calls=(\d+)/m.exec(stats) ?? [];
      return Number(calls) + Number(refused);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The latest epoch that each node knows. */
async function epochs(cluster: TestCluster): Promise<(string | undefined)[]> {
  const infos = await Promise.all(cluster.living.map(({ control }) => control.command("CLUSTER", "INFO")));
  return infos.map((info) => /cluster_current_epoch:(\d+)/.exec(String(info))?.[1]);
}

/** The channels of all gaps, each as often as it was named. */
function namesOf(gaps: readonly Gap<string | Buffer>[]): string[] {
  return gaps.flatMap(({ channels }) => channels.map(String)).sort();
}

function causesOf(gaps: readonly Gap<string | Buffer>[]): string[] {
  return [...new Set(gaps.map(({ cause }) => cause))];
}

/**
 * One move has lost so many channels. Where a node ends an import by itself when the source gives the slot away, SETSLOT
 * NODE may come right after that, and dismiss the new subscribers once more.
 */
function expectLost(count: number, wanted: number, order: "source-first" | "target-first"): void {
  const twice = order === "source-first" && has("importsEndByGossip");
  if (twice) expect(count).toBeGreaterThanOrEqual(wanted);
  else expect(count).toBe(wanted);
}

onEveryClusterProtocol("a slot that moves", (bench) => {
  // Rows 30 and 31.
  describe.each(["source-first", "target-first"] as const)("told to the %s", (order) => {
    shardTest("takes its channels along, after a gap, while the nodes disagree for a second", async () => {
      const { cluster } = bench;
      const { slot, source, target } = aMove(cluster);
      const moving = cluster.channelsForSlot(slot, 4, "moving");
      const staying = cluster.primaries.flatMap((node) => cluster.channelsFor(node, 2, "staying"));
      const wanted = { shardChannels: [...moving, ...staying] };
      const client = bench.client();
      const witness = await ClusterWitness.sharded(client, cluster, {
        channels: [...moving.slice(0, 2), ...staying.filter((_, index) => index % 2 === 0)],
        handled: [...moving.slice(2), ...staying.filter((_, index) => index % 2 === 1)],
      });
      await witness.receives(10);
      const migration = cluster.migration(slot, target);
      await migration.begin();
      await witness.receives(10);
      expect([witness.gaps, witness.consumer.state]).toEqual([[], "live"]);

      const before = await shardSubscribes(cluster);
      await (order === "source-first" ? migration.tellSource() : migration.tellTarget());
      await sleep(1000);
      const attempts = (await shardSubscribes(cluster)) - before;
      if (order === "source-first" && !has("importsEndByGossip")) expect(witness.consumer.state).toBe("reconnecting");
      await (order === "source-first" ? migration.tellTarget() : migration.tellSource());
      await witness.receives(5, moving, 3000);
      await migration.settle();
      await witness.receives(20);
      await witness.live();
      await expectServerTruth(cluster.living, wanted);

      await witness.verify();
      expect([causesOf(witness.gaps), namesOf(witness.gaps)]).toEqual([["moved"], [...moving].sort()]);
      expect(witness.states).toEqual(["reconnecting", "live"]);
      // Attempts 10 to 100 ms apart, never a storm.
      expect(attempts).toBeLessThan(100);
      expect(await source.control.command("PUBSUB", "SHARDNUMSUB", ...moving)).toEqual(
        moving.flatMap((channel) => [channel, 0]),
      );
      expect(cluster.ownerOf(slot)).toBe(target);
    });

    shardTest("goes back and forth, and nobody notices but for the gaps", async () => {
      const { cluster } = bench;
      const { slot, source, target } = aMove(cluster);
      const channels = cluster.channelsForSlot(slot, 2);
      const witness = await ClusterWitness.sharded(bench.client(), cluster, { channels, interval: 1 });
      let missed = 0;
      for (let round = 0; round < 10; round++) {
        await cluster.migrateSlot(slot, round % 2 === 0 ? target : source, { order, gossip: false });
        await cluster.agree({ timeout: 10_000, interval: 1 });
        await witness.receives(5);
        await eventually(() => expectLost(namesOf(witness.gaps).length - missed, 2, order));
        await witness.live();
        missed = namesOf(witness.gaps).length;
        // One connection, to the one node that has the channels.
        await eventually(async () =>
          expect(await shardConnections(cluster)).toEqual({ [(round % 2 === 0 ? target : source).name]: 1 }),
        );
      }
      await witness.verify();
      expect(causesOf(witness.gaps)).toEqual(["moved"]);
      await expectServerTruth(cluster.living, { shardChannels: channels });
    });
  });

  test("leaves classic channels alone", async () => {
    const { cluster } = bench;
    const { slot, target } = aMove(cluster);
    const witness = await ClusterWitness.classic(bench.client(), target, {
      channels: cluster.channelsForSlot(slot, 2),
      handled: ["elsewhere"],
    });
    await witness.receives(10);
    await cluster.migrateSlot(slot, target, { pauseMs: 100 });
    await witness.receives(10);
    expect(await witness.verify()).toBe(0);
    expect([witness.gaps, witness.states]).toEqual([[], []]);
  });

  shardTest("is waited for by who subscribes while nobody serves it", async () => {
    const { cluster } = bench;
    const { slot, target } = aMove(cluster);
    const [early, late, never, other] = cluster.channelsForSlot(slot, 4) as [string, string, string, string];
    const client = bench.client();
    const consumer = await client.shardedPubsub({ ...QUICK, channels: early, ignoreSubscribeMessages: true });
    const migration = cluster.migration(slot, target);
    await migration.begin();
    await migration.tellSource();
    const second = client.shardedPubsub({ ...QUICK, channels: other, ignoreSubscribeMessages: true });
    const subscribed = consumer.subscribe(late);
    const abandoned = consumer.subscribe(never);
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    // Longer than `subscriptionTimeout`: nobody keeps silent here, there is nobody to ask.
    await sleep(1200);
    await deadline(consumer.unsubscribe(never), 3000, "the unsubscribe");
    await deadline(abandoned, 3000, "the subscribe that it undoes");
    await migration.tellTarget();
    await deadline(subscribed, 3000, "the subscribe");
    const another = await deadline(second, 3000, "the consumer");
    await migration.settle();
    await eventually(() => expect(consumer.state).toBe("live"));
    await expectServerTruth(cluster.living, { shardChannels: [early, late, other] });
    for (const channel of [early, late, never, other]) {
      expect(await client.spublish(channel, "x")).toBe(channel === never ? 0 : 1);
    }
    expect([await consumer.receive({ timeout: 5000 }), await consumer.receive({ timeout: 5000 })]).toMatchObject([
      { channel: early },
      { channel: late },
    ]);
    expect(await another.receive({ timeout: 5000 })).toMatchObject({ channel: other });
  });

  shardTest("is no matter to who unsubscribes or closes meanwhile", async () => {
    const { cluster } = bench;
    const { slot, target } = aMove(cluster);
    const channels = cluster.channelsForSlot(slot, 3);
    const client = bench.client();
    const leaving = await client.shardedPubsub({ ...QUICK, channels });
    const closing = await client.shardedPubsub({ ...QUICK, channels: cluster.channelsForSlot(slot, 3, "other") });
    const migration = cluster.migration(slot, target);
    await migration.begin();
    await migration.tellSource();
    await eventually(() => expect([leaving.state, closing.state]).toEqual(["reconnecting", "reconnecting"]));
    await deadline(leaving.unsubscribe(), 3000, "the unsubscribe");
    await deadline(closing.close(), 3000, "the end");
    expect([leaving.channels.size, leaving.subscribed]).toEqual([0, false]);
    await migration.tellTarget();
    await migration.settle();
    await eventually(() => expect(leaving.state).toBe("live"));
    await expectServerTruth(cluster.living, {});
    await leaving.subscribe(channels);
    await expectServerTruth(cluster.living, { shardChannels: channels });
  });
});

// Row 31, as servers do it that move slots by themselves.
describe.skipIf(lacks("atomicMigration"))("in one step", () => {
  onEveryClusterProtocol("slots that move", (bench) => {
    test("take their channels along, after a gap, and leave the others alone", async () => {
      const { cluster } = bench;
      const { slot, source, target } = aMove(cluster);
      const moving = [slot, slot + 1, slot + 2].flatMap((it) => cluster.channelsForSlot(it, 2, "moving"));
      const staying = [
        ...cluster.channelsForSlot(slot + 3, 2, "staying"),
        ...cluster.primaries.flatMap((node) => cluster.channelsForSlot(slotsIn(node.slots).at(-1) ?? 0, 2, "staying")),
      ];
      const witness = await ClusterWitness.sharded(bench.client(), cluster, {
        channels: [...moving, ...staying].filter((_, index) => index % 2 === 0),
        handled: [...moving, ...staying].filter((_, index) => index % 2 === 1),
      });
      await witness.receives(10);
      await cluster.migrateAtomically([slot, slot + 2], target);
      await witness.receives(20);
      await witness.live();
      await expectServerTruth(cluster.living, { shardChannels: [...moving, ...staying] });
      await witness.verify();
      expect([causesOf(witness.gaps), namesOf(witness.gaps)]).toEqual([["moved"], [...moving].sort()]);
      expect(await source.control.command("PUBSUB", "SHARDNUMSUB", ...moving)).toEqual(
        moving.flatMap((channel) => [channel, 0]),
      );
      expect([slot, slot + 1, slot + 2].map((it) => cluster.ownerOf(it).name)).toEqual(Array(3).fill(target.name));
    });

    test.each([
      ["at primaries", false],
      ["at replicas", true],
    ])("go back and forth, with subscriptions %s", async (_, readFromReplicas) => {
      const { cluster } = bench;
      const { slot, source, target } = aMove(cluster);
      const channels = cluster.channelsForSlot(slot, 2);
      const witness = await ClusterWitness.sharded(bench.client(), cluster, {
        channels,
        interval: 1,
        options: { readFromReplicas },
      });
      for (let round = 0; round < 6; round++) {
        await cluster.migrateAtomically([slot, slot], round % 2 === 0 ? target : source);
        await witness.receives(5);
        await eventually(() => expect(namesOf(witness.gaps)).toHaveLength(2 * (round + 1)));
        await witness.live();
      }
      await witness.verify();
      expect(causesOf(witness.gaps)).toEqual(["moved"]);
      await expectServerTruth(cluster.living, { shardChannels: channels });
    });

    test("leave classic channels alone", async () => {
      const { cluster } = bench;
      const { slot, target } = aMove(cluster);
      const witness = await ClusterWitness.classic(bench.client(), target, {
        channels: cluster.channelsForSlot(slot, 2),
        handled: ["elsewhere"],
      });
      await witness.receives(10);
      await cluster.migrateAtomically([slot, slot], target);
      await witness.receives(10);
      expect(await witness.verify()).toBe(0);
      expect([witness.gaps, witness.states]).toEqual([[], []]);
    });
  });
});

// Row 33.
onEveryClusterProtocol(
  "a thousand slots that move",
  (bench) => {
    shardTest.each([
      ["at once", 1000],
      ["one after the other", 40],
    ])("%s are few refreshes of the topology, and few commands", async (_title, chunk) => {
      const { cluster } = bench;
      const [source, target] = cluster.primaries as [ClusterNode, ClusterNode];
      const slots = slotsIn(source.slots).slice(0, 1000);
      const channels = slots.flatMap((slot) => cluster.channelsForSlot(slot, 1));
      const client = bench.client();
      const witness = await ClusterWitness.sharded(client, cluster, { channels, interval: 200 });
      await witness.receives(1);
      const before = { refreshes: client.topology.refreshes, commands: await shardSubscribes(cluster) };
      const since = performance.now();
      for (let first = 0; first < slots.length; first += chunk) {
        await cluster.moveSlots(slots.slice(first, first + chunk), target, { gossip: false });
      }
      await eventually(() => expect(namesOf(witness.gaps)).toHaveLength(1000), { interval: 50 });
      await witness.live();
      const refreshes = client.topology.refreshes - before.refreshes;
      const commands = (await shardSubscribes(cluster)) - before.commands;
      const tenths = (performance.now() - since) / 100;
      await cluster.agree();
      await witness.receives(2);
      await witness.verify();
      expect(causesOf(witness.gaps)).toEqual(["moved"]);
      expect(namesOf(witness.gaps)).toEqual([...channels].sort());
      // Not one for each slot: a tenth of a second apart at least, however many ask.
      expect(refreshes).toBeGreaterThan(0);
      expect(refreshes).toBeLessThan(Math.min(100, tenths + 5));
      // One or two for each slot, and some that came too early.
      expect(commands).toBeLessThan(3000);
      await expectServerTruth(cluster.living, { shardChannels: channels });
      expect(await shardConnections(cluster)).toEqual({ [target.name]: 1 });
    });
  },
  { replicasPerPrimary: 0 },
);

onEveryClusterProtocol(
  "a hundred moves",
  (bench) => {
    shardTest("leave no socket, timer or listener behind, and no heap", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const { slot, source, target } = aMove(cluster);
      const channels = cluster.channelsForSlot(slot, 20);
      // No pool, which may hold a connection more or less.
      const client = bench.client({ pool: { keep: 0 } });
      const consumer = await client.shardedPubsub({ ...QUICK, channels });
      void (async () => {
        for await (const _item of consumer) {
        }
      })();
      let missed = 0;
      consumer.on("gap", (gap) => {
        missed += gap.channels.length;
      });
      let moves = 0;
      const move = async () => {
        // Primaries that take a slot before they know the latest epoch take the same one, and quarrel.
        await eventually(async () => expect(new Set(await epochs(cluster)).size).toBe(1), { interval: 2 });
        moves += 1;
        const before = missed;
        await cluster.migrateSlot(slot, moves % 2 === 1 ? target : source);
        await eventually(
          () => {
            expectLost(missed - before, 20, "source-first");
            expect(consumer.state).toBe("live");
          },
          { interval: 2 },
        );
      };
      await move();
      await move();
      const before = baseline();
      await expectSteadyHeap(move, { warmup: 100, cycles: 100, limit: 512 * 1024 });
      await eventually(async () => expect(await shardConnections(cluster)).toEqual({ [source.name]: 1 }));
      await expectBaseline(before);
      await expectServerTruth(cluster.living, { shardChannels: channels });
    });
  },
  { protocols: [3], replicasPerPrimary: 0 },
);
