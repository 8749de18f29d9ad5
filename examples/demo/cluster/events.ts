import { setTimeout as delay } from "node:timers/promises";
import type { ClusterNode } from "../../../test/support/cluster-node.ts";
import { slotsIn } from "../../../test/support/cluster-view.ts";
import type { TestCluster } from "../../../test/support/redis-cluster.ts";
import { slotOf } from "../../../test/support/slot.ts";
import { say, show, title } from "../print.ts";
import { within } from "../wait.ts";
import type { Pair } from "./pair.ts";

/** How many slots the new node gets. */
const SHARE = 500;
/** Milliseconds; a busy machine takes its time. */
const PATIENCE = 30_000;

/** What happens to the cluster: each resolves when all nodes agree again, and all consumers are live. */
type Event = (cluster: TestCluster, pairs: readonly Pair[]) => Promise<void>;

/** How a node is called in what is printed. */
export function nameOf({ name, port }: ClusterNode): string {
  return `node ${name.slice(1).replace("r", ", replica ")} (port ${port})`;
}

export const aSlotMoves: Event = async (cluster, pairs) => {
  title("5. A slot moves, live");
  const channel = "orders:eu";
  const slot = slotOf(channel);
  const owner = cluster.ownerOf(slot);
  const migration = cluster.migration(slot, cluster.primaries.find((node) => node !== owner) as ClusterNode);
  const [source, target] = [nameOf(migration.source), nameOf(migration.target)];
  say(`Moving slot ${slot}, that of ${channel}, from ${source} to ${target}`);
  await migration.begin();
  show(`${target}, the target, is told: slot ${slot} will come from ${source}`);
  show(`${source}, the source, is told: it will go`);
  await migration.tellTarget();
  show("the target is told: it is yours");
  await migration.tellSource();
  show("the source is told: it is yours no more");
  await migration.settle();
  await live(pairs);
};

export const aPrimaryDies: Event = async (cluster, pairs) => {
  title("6. A primary is killed, and comes back");
  const primary = cluster.ownerOf(slotOf("orders:us"));
  const [replica] = cluster.replicasOf(primary) as [ClusterNode];
  say(`Killing ${nameOf(primary)}, a primary, with kill -9 ${primary.pid}; ${nameOf(replica)} is its replica`);
  const since = performance.now();
  await primary.kill();
  await cluster.waitForFailover(primary, { gossip: false });
  say(`The cluster has elected ${nameOf(replica)}, ${seconds(since)} s after the kill`);
  show(
    "until then its slots had no primary: publishes to them waited, and are sent now; subscribers sat at the replica",
  );
  await live(pairs);
  await delay(1000);

  say(`Starting ${nameOf(primary)} again`);
  await primary.start();
  await cluster.agree();
  await cluster.inSync();
  say(`${nameOf(primary)} is a ${primary.role} of ${nameOf(replica)} now`);
  await live(pairs);
};

export const aNodeComes: Event = async (cluster, pairs) => {
  title(`7. A seventh node joins, and gets ${SHARE} slots`);
  const sources = cluster.primaries;
  say("Starting one more node; CLUSTER MEET with the others");
  const target = await cluster.addNode();
  say(`${nameOf(target)} is a member`);

  const moving = new Set(MOVING.map(slotOf));
  const since = performance.now();
  for (const [index, source] of sources.entries()) {
    // Those with channels go along with others, up to this node's part of the share.
    const wanted = slotsIn(source.slots).toSorted((a, b) => Number(moving.has(b)) - Number(moving.has(a)));
    const part = Math.ceil((SHARE - index) / sources.length);
    say(`Moving ${part} slots from ${nameOf(source)} to ${nameOf(target)}`);
    await cluster.moveSlots(wanted.slice(0, part), target);
  }
  await live(pairs);
  say(`${slotsIn(target.slots).length} slots moved in ${seconds(since)} s, among them those of:`);
  show(MOVING.join(", "));
};

/** Channels whose slots the new node gets: two of each primary. */
const MOVING = ["orders:us", "metrics:queue", "orders:latam", "metrics:cpu", "orders:africa", "metrics:disk"];

async function live(pairs: readonly Pair[]): Promise<void> {
  if (await within(PATIENCE, () => pairs.every(({ isLive }) => isLive))) return;
  throw new Error(`Not every consumer was live within ${PATIENCE / 1000} s.`);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
