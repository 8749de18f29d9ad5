import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { slotsIn } from "../support/cluster-view.ts";
import { eventually } from "../support/eventually.ts";
import type { WindowLimit } from "../support/gap-window.ts";
import { onEveryClusterProtocol, shardConnections } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";

/** Milliseconds for which both nodes own the slot. */
const BOTH = 700;

onEveryClusterProtocol(
  "a slot that moves while its channels are read",
  (bench) => {
    // Row 58.
    test("at replicas, which learn of it by gossip: the window holds what the new owner took meanwhile", {
      timeout: 60_000,
    }, async () => {
      const { cluster } = bench;
      const { source, target, slots } = await aMove();
      const witnesses = await open(slots, [source, target], true);
      expect(Object.keys(await shardConnections(cluster))).not.toContain(source.name);
      // Without an import the target takes no new epoch, and tells the others at its next turn only.
      for (const slot of slots) {
        const migration = cluster.migration(slot, target);
        await migration.tellTarget();
        await migration.tellSource();
      }
      await moved(witnesses, ["replica lag"]);
      await home(slots, source);
    });

    // Row 59.
    test("while both nodes own it and the publisher is at the new one: the window begins with the move", {
      timeout: 60_000,
    }, async () => {
      const { cluster } = bench;
      const { source, target, slots } = await aMove();
      // Other channels keep the source's connection busy: what comes on it proves nothing of the slot.
      const witnesses = await open(slots, [source], false);
      cluster.cutBus(source);
      try {
        const migrations = slots.map((slot) => cluster.migration(slot, target));
        for (const migration of migrations) {
          await migration.begin();
          await migration.tellTarget();
        }
        // From now on the publishers are at the target.
        await cluster.refresh();
        expect(slots.map((slot) => cluster.ownerOf(slot).name)).toEqual(slots.map(() => target.name));
        await sleep(BOTH);
        for (const migration of migrations) await migration.tellSource();
      } finally {
        await cluster.healBus();
      }
      await moved(witnesses);
      await home(slots, source);
    });

    /** Slots of the primary with the oldest claims, to go to the one with the newest. */
    async function aMove() {
      const { cluster } = bench;
      await cluster.refresh();
      const [source, ...others] = [...cluster.primaries].sort((one, other) => one.epoch - other.epoch);
      const target = others.at(-1);
      if (source === undefined || target === undefined) throw new Error("there are fewer than two primaries");
      return { source, target, slots: slotsIn(source.slots).slice(0, 2) };
    }

    /** A consumer with connections of its own and one that shares, both with channels of the slots and of whole nodes. */
    async function open(slots: readonly number[], nodes: readonly ClusterNode[], readFromReplicas: boolean) {
      const { cluster } = bench;
      const client = bench.client({ readFromReplicas });
      const channels = (prefix: string) => [
        ...slots.flatMap((slot) => cluster.channelsForSlot(slot, 2, prefix)),
        ...nodes.flatMap((node) => cluster.channelsFor(node, 2, `${prefix}-other`)),
      ];
      const witnesses = await Promise.all(
        [false, true].map((shared) =>
          ClusterWitness.sharded(client, cluster, {
            channels: channels(shared ? "shared" : "own"),
            options: shared ? { shared } : { readFromReplicas },
          }),
        ),
      );
      await Promise.all(witnesses.map((witness) => witness.receives(10)));
      return witnesses;
    }

    /** Waits until the consumers were told of the move, and judges. */
    async function moved(
      witnesses: Awaited<ReturnType<typeof open>>,
      limits: readonly WindowLimit[] = [],
    ): Promise<void> {
      await eventually(() => expect(witnesses.filter(({ gaps }) => gaps.length === 0)).toEqual([]), {
        timeout: 20_000,
      });
      for (const witness of witnesses) {
        await witness.live();
        await witness.receives(20);
        await witness.verify({ limits });
        expect(new Set(witness.gaps.map(({ cause }) => cause))).toEqual(new Set(["moved"]));
      }
    }

    /** Gives the slots back. */
    async function home(slots: readonly number[], source: ClusterNode): Promise<void> {
      await bench.cluster.agree();
      for (const slot of slots) await bench.cluster.migrateSlot(slot, source);
    }
  },
  { proxied: { bus: true }, nodeTimeout: 5000, needs: "sourceAddresses" },
);
