import { setTimeout as delay } from "node:timers/promises";
import { say, show, title } from "../print.ts";
import { need } from "../wait.ts";
import type { Cluster } from "./cluster.ts";
import { moveSlot, moveSlots } from "./move-slots.ts";
import type { ClusterNode } from "./node.ts";
import type { Pair } from "./pair.ts";

/** How many slots the new node gets. */
const SHARE = 500;

/** What happens to the cluster: each resolves when all nodes agree again, and all consumers are live. */
type Event = (cluster: Cluster, pairs: readonly Pair[]) => Promise<void>;

export const aSlotMoves: Event = async (cluster, pairs) => {
  title("5. A slot moves, live");
  const channel = "orders:eu";
  const slot = await cluster.slotOf(channel);
  const source = await cluster.ownerOf(slot);
  const target = (await cluster.primaries()).find((node) => node !== source) as ClusterNode;
  say(`Moving slot ${slot}, that of ${channel}, from ${source} to ${target}`);
  await moveSlot(cluster, slot, target);
  await settled(cluster, pairs);
};

export const aPrimaryDies: Event = async (cluster, pairs) => {
  title("6. A primary is killed, and comes back");
  const slot = await cluster.slotOf("orders:us");
  const primary = await cluster.ownerOf(slot);
  const replica = await cluster.replicaOf(primary);
  say(`Killing ${primary}, a primary, with kill -9 ${primary.pid}; ${replica} is its replica`);
  const since = performance.now();
  await primary.kill();
  await need(`${replica} elected`, async () => (await cluster.ownerOf(slot)) === replica);
  say(`The cluster has elected ${replica}, ${seconds(since)} s after the kill`);
  show(
    "until then its slots had no primary: publishes to them waited, and are sent now; subscribers sat at the replica",
  );
  await live(pairs);
  await delay(1000);

  say(`Starting ${primary} again`);
  if (!(await primary.start())) throw new Error(`${primary} could not be started again.`);
  await need(`${primary} a replica`, async () => String(await primary.ask("ROLE")).startsWith("slave"));
  await primary.synchronized();
  say(`${primary} is a replica of ${replica} now`);
  await settled(cluster, pairs);
};

export const aNodeComes: Event = async (cluster, pairs) => {
  title(`7. A seventh node joins, and gets ${SHARE} slots`);
  const primaries = await cluster.primaries();
  say("Starting one more node; CLUSTER MEET with the others");
  const target = await cluster.add();
  say(`${target} is a member`);

  const moving = new Set(await Promise.all(MOVING.map((channel) => cluster.slotOf(channel))));
  const since = performance.now();
  for (const [index, source] of primaries.entries()) {
    const slots = await cluster.slotsOf(source);
    // Those with channels go along with others, up to this node's part of the share.
    const wanted = slots.toSorted((a, b) => Number(moving.has(b)) - Number(moving.has(a)));
    const part = Math.ceil((SHARE - index) / primaries.length);
    say(`Moving ${part} slots from ${source} to ${target}`);
    await moveSlots(cluster, wanted.slice(0, part), source, target);
  }
  await settled(cluster, pairs);
  say(`${(await cluster.slotsOf(target)).length} slots moved in ${seconds(since)} s, among them those of:`);
  show(MOVING.join(", "));
};

/** Channels whose slots the new node gets: two of each primary. */
const MOVING = ["orders:us", "metrics:queue", "orders:latam", "metrics:cpu", "orders:africa", "metrics:disk"];

async function settled(cluster: Cluster, pairs: readonly Pair[]): Promise<void> {
  await cluster.settled();
  await live(pairs);
}

async function live(pairs: readonly Pair[]): Promise<void> {
  await need("every consumer live", () => pairs.every(({ isLive }) => isLive));
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
