import { setTimeout as sleep } from "node:timers/promises";
import { killSubscribers } from "../support/clients.ts";
import type { ClusterNode } from "../support/cluster-node.ts";
import { slotsIn } from "../support/cluster-view.ts";
import { eventually } from "../support/eventually.ts";
import type { TestCluster } from "../support/redis-cluster.ts";

/** What faults are done to. */
interface ClusterStage {
  readonly cluster: TestCluster;
  /** Shards that may fail over still, by their primaries: a second failover of one would promote a replica that is subscribed to. */
  readonly fresh: ClusterNode[];
}

type Fault = (stage: ClusterStage, random: (below: number) => number) => Promise<void>;

/** Two different primaries. */
function two({ cluster }: ClusterStage, random: (below: number) => number): [ClusterNode, ClusterNode] {
  const { primaries } = cluster;
  const first = random(primaries.length);
  const second = (first + 1 + random(primaries.length - 1)) % primaries.length;
  return [primaries[first] as ClusterNode, primaries[second] as ClusterNode];
}

/** Some of the slots with channels that a primary serves. */
function someSlots(stage: ClusterStage, source: ClusterNode, random: (below: number) => number): number[] {
  const slots = slotsIn(source.slots);
  const count = 1 + random(20);
  return Array.from({ length: count }, () => slots[random(slots.length)] as number).filter(
    (slot, index, all) => all.indexOf(slot) === index && stage.cluster.ownerOf(slot) === source,
  );
}

async function failOver(stage: ClusterStage, how: "default" | "takeover"): Promise<void> {
  const primary = stage.fresh.pop();
  const [replica] = primary === undefined ? [] : stage.cluster.replicasOf(primary);
  if (replica === undefined) return;
  await stage.cluster.failover(replica, how);
  await agree(stage);
}

/** Until the nodes agree and replicas are in touch: nodes that disagree quarrel, whatever a client does. */
async function agree({ cluster }: ClusterStage): Promise<void> {
  await eventually(() => cluster.agree(), { timeout: 30_000 });
  await cluster.inSync();
}

/** What may happen to a cluster. Each mends what it has done. */
export const clusterFaults: Readonly<Record<string, Fault>> = {
  async "slots move"(stage, random) {
    const [source, target] = two(stage, random);
    await stage.cluster.moveSlots(someSlots(stage, source, random), target);
    await agree(stage);
  },
  async "a slot moves, the source told first"(stage, random) {
    const [source, target] = two(stage, random);
    const [slot = 0] = someSlots(stage, source, random);
    await stage.cluster.migrateSlot(slot, target, { order: "source-first", pauseMs: random(500) });
    await agree(stage);
  },
  async "a slot moves, the target told first"(stage, random) {
    const [source, target] = two(stage, random);
    const [slot = 0] = someSlots(stage, source, random);
    await stage.cluster.migrateSlot(slot, target, { order: "target-first", pauseMs: random(500) });
    await agree(stage);
  },
  async "slots are nobody's"(stage, random) {
    const [owner, heir] = two(stage, random);
    const slots = someSlots(stage, owner, random);
    await stage.cluster.delSlots(slots);
    await sleep(random(1000));
    await stage.cluster.addSlots(slots, random(2) === 0 ? owner : heir);
    await agree(stage);
  },
  "a failover": (stage) => failOver(stage, "default"),
  "a takeover": (stage) => failOver(stage, "takeover"),
  async "a primary crashes and comes back"(stage) {
    const primary = stage.fresh.pop();
    if (primary === undefined) return;
    await primary.kill();
    await stage.cluster.waitForFailover(primary);
    await primary.start();
    await agree(stage);
  },
  async "a replica crashes and comes back"(stage, random) {
    const { replicas } = stage.cluster;
    const replica = replicas[random(replicas.length)] as ClusterNode;
    await replica.kill();
    await sleep(random(1000));
    await replica.start();
    await agree(stage);
  },
  async "subscribers of a node are killed"({ cluster }, random) {
    const node = cluster.living[random(cluster.living.length)] as ClusterNode;
    await killSubscribers(node.control);
  },
  async "a node is frozen for a moment"({ cluster }, random) {
    const node = cluster.living[random(cluster.living.length)] as ClusterNode;
    node.freeze();
    await sleep(random(800));
    node.thaw();
  },
};
