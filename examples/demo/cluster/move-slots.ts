import { show } from "../print.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterNode } from "./node.ts";

/** How many slots are on their way at a time. */
const AT_ONCE = 50;

/** Moves one slot, live, and tells each step: the way of redis-cli --cluster reshard. The slot holds no keys. */
export async function moveSlot(cluster: Cluster, slot: number, target: ClusterNode): Promise<void> {
  const source = await cluster.ownerOf(slot);
  await target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
  show(`${target}, the target, is told: slot ${slot} will come from ${source}`);
  await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
  show(`${source}, the source, is told: it will go`);
  await target.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id);
  show("the target is told: it is yours");
  await source.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id);
  show("the source is told: it is yours no more");
  await tellOthers(cluster, [slot], source, target);
}

/** Moves slots of one node, many at a time and without a word. */
export async function moveSlots(
  cluster: Cluster,
  slots: readonly number[],
  source: ClusterNode,
  target: ClusterNode,
): Promise<void> {
  for (let start = 0; start < slots.length; start += AT_ONCE) {
    const some = slots.slice(start, start + AT_ONCE);
    await setSlots(target, some, "IMPORTING", source.id);
    await setSlots(source, some, "MIGRATING", target.id);
    await setSlots(target, some, "NODE", target.id);
    await setSlots(source, some, "NODE", target.id);
    await tellOthers(cluster, some, source, target);
  }
}

/** Other primaries would learn of it from one another, a little later. */
async function tellOthers(
  cluster: Cluster,
  slots: readonly number[],
  source: ClusterNode,
  target: ClusterNode,
): Promise<void> {
  const others = (await cluster.primaries()).filter((node) => node !== source && node !== target);
  await Promise.all(others.map((node) => setSlots(node, slots, "NODE", target.id)));
}

async function setSlots(node: ClusterNode, slots: readonly number[], ...words: string[]): Promise<void> {
  await Promise.all(slots.map((slot) => node.ask("CLUSTER", "SETSLOT", slot, ...words)));
}
