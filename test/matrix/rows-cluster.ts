import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterNode } from "../support/cluster-node.ts";
import { startCluster, type TestCluster } from "../support/redis-cluster.ts";
import { startShardStamper } from "../support/shard-sender.ts";
import { slotOf } from "../support/slot.ts";
import { type Outcome, Subscriber } from "./witness.ts";

/** What a row has to do with: the channels are those of one primary. */
interface ClusterStage {
  readonly cluster: TestCluster;
  readonly primary: ClusterNode;
  readonly replica: ClusterNode;
  readonly other: ClusterNode;
  readonly channels: readonly string[];
}

/** A row of the matrix in a cluster, with ten shard channels. */
export interface ClusterRow {
  readonly row: number;
  readonly fault: string;
  /** Whether all channels have one slot. */
  readonly oneSlot?: boolean;
  play(stage: ClusterStage): Promise<number>;
}

const now = () => Date.now();
const slotsOf = (channels: readonly string[]) => [...new Set(channels.map((name) => slotOf(name)))];

export const clusterRows: readonly ClusterRow[] = [
  {
    row: 30,
    fault: "a slot moves, the source told 1 s before the target",
    oneSlot: true,
    async play({ cluster, channels, other }) {
      await cluster.migrateSlot(slotOf(channels[0] as string), other, { order: "source-first", pauseMs: 1000 });
      return now();
    },
  },
  {
    row: 31,
    fault: "a slot moves, the target told 1 s before the source",
    oneSlot: true,
    async play({ cluster, channels, other }) {
      await cluster.migrateSlot(slotOf(channels[0] as string), other, { order: "target-first", pauseMs: 1000 });
      return now();
    },
  },
  {
    row: 33,
    fault: "all ten slots move",
    async play({ cluster, channels, other }) {
      await cluster.moveSlots(slotsOf(channels), other);
      return now();
    },
  },
  {
    row: 34,
    fault: "a planned failover",
    async play({ cluster, replica }) {
      await cluster.failover(replica, "default");
      return now();
    },
  },
  {
    row: 35,
    fault: "a takeover",
    async play({ cluster, replica }) {
      await cluster.failover(replica, "takeover");
      return now();
    },
  },
  {
    row: 36,
    fault: "the primary crashes (kill -9), its replica is elected",
    async play({ cluster, primary }) {
      await primary.kill();
      await cluster.waitForFailover(primary);
      return now();
    },
  },
  {
    row: 37,
    fault: "a whole shard crashes and starts again 3 s later",
    async play({ primary, replica }) {
      await Promise.all([primary.kill(), replica.kill()]);
      await sleep(3000);
      await Promise.all([primary.start(), replica.start()]);
      return now();
    },
  },
  {
    row: 42,
    fault: "no node owns the slots for 1 s",
    async play({ cluster, channels, primary }) {
      await cluster.delSlots(slotsOf(channels));
      await sleep(1000);
      await cluster.addSlots(slotsOf(channels), primary);
      return now();
    },
  },
];

/** Plays a row with a client; the cluster is its own. */
export async function playClusterRow(row: ClusterRow, client: string): Promise<{ outcome: Outcome; facts: string }> {
  await using cluster = await startCluster();
  const [primary, other] = cluster.primaries as [ClusterNode, ClusterNode];
  const [replica] = cluster.replicasOf(primary) as [ClusterNode];
  const some = cluster.channelsFor(primary, 10);
  const channels = row.oneSlot ? cluster.channelsForSlot(slotOf(some[0] as string), 10) : some;
  const ports = cluster.nodes.map(({ announcedPort }) => announcedPort);
  const subscriber = await Subscriber.start({ client, ports, channels, sharded: true, alert: false });
  try {
    const stamper = startShardStamper(cluster, { channels, interval: 10, patience: 20_000 });
    await subscriber.receives(200);
    const mended = await row.play({ cluster, primary, replica, other, channels });
    return { outcome: await subscriber.judge(stamper, mended, channels), facts: "" };
  } finally {
    await subscriber.stop();
  }
}
