import type { ClusterMembers } from "./cluster-members.ts";
import type { ClusterNode } from "./cluster-node.ts";
import { includesSlot } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { has } from "./server-features.ts";

/**
 * The move of one slot, step by step, so that a test can act between them: `begin`, then `tellSource` and `tellTarget`
 * in either order, then `settle`. The slot must hold no keys.
 */
export class SlotMigration {
  readonly slot: number;
  readonly source: ClusterNode;
  readonly target: ClusterNode;
  readonly #members: ClusterMembers;

  constructor(members: ClusterMembers, slot: number, target: ClusterNode) {
    this.#members = members;
    this.slot = slot;
    this.source = members.ownerOf(slot);
    this.target = target;
    if (this.source === target) throw new Error(`slot ${slot} is on ${target.name} already`);
  }

  /** IMPORTING at the target, MIGRATING at the source; the source goes on serving. */
  async begin(): Promise<void> {
    await setSlot(this.target, this.slot, "IMPORTING", this.source.id);
    await setSlot(this.source, this.slot, "MIGRATING", this.target.id);
  }

  /** SETSLOT NODE at the source: from now on it sends everybody to the target. */
  async tellSource(): Promise<void> {
    await setSlot(this.source, this.slot, "NODE", this.target.id);
  }

  /**
   * SETSLOT NODE at the target: from now on it serves, and says so to all nodes. On some servers it does so by itself once
   * the source has let the slot go, and a command that came after that would only dismiss its new subscribers.
   */
  async tellTarget(): Promise<void> {
    if (has("importsEndByGossip") && (await this.#targetOwns())) return;
    await setSlot(this.target, this.slot, "NODE", this.target.id);
  }

  /** Elsewhere its view may be older than the move before this one, and the command is what gives it a new epoch. */
  async #targetOwns(): Promise<boolean> {
    const { records } = await this.target.view();
    const own = records.find(({ flags }) => flags.has("myself"));
    return own !== undefined && includesSlot(own.slots, this.slot);
  }

  /** SETSLOT NODE at the other primaries; with `gossip` (the default) it waits until all nodes agree. */
  async settle({ gossip = true }: { readonly gossip?: boolean | undefined } = {}): Promise<void> {
    const others = this.#members.primaries.filter((node) => node !== this.source && node !== this.target);
    await Promise.all(others.map((node) => setSlot(node, this.slot, "NODE", this.target.id)));
    await (gossip ? this.#members.agree() : this.#members.refresh());
  }
}

/** Moves many slots without keys at once, whosever they are: SETSLOT NODE at every primary, the target first. */
export async function moveSlots(members: ClusterMembers, slots: readonly number[], target: ClusterNode): Promise<void> {
  const tell = async (node: ClusterNode): Promise<void> => {
    await Promise.all(slots.map((slot) => setSlot(node, slot, "NODE", target.id)));
  };
  // Who has finished an import takes a new epoch, with which its claim to all slots wins, and tells everybody.
  const last = slots.at(-1);
  if (last !== undefined && !target.owns(last)) {
    await setSlot(target, last, "IMPORTING", members.ownerOf(last).id);
  }
  await tell(target);
  await Promise.all(members.primaries.filter((node) => node !== target).map(tell));
}

/** Unbinds slots at every living node, their owners first; resolves when no node has an owner for them. */
export async function unbindSlots(members: ClusterMembers, slots: readonly number[]): Promise<void> {
  const owners = new Set(slots.map((slot) => members.ownerOf(slot)));
  const nodes = [...owners, ...members.living.filter((node) => !owners.has(node))];
  // A ping that was on its way may bind them anew where they had been unbound.
  await eventually(async () => {
    let bound = false;
    for (const node of nodes) {
      const { records } = await node.view();
      const left = slots.filter((slot) => records.some((record) => includesSlot(record.slots, slot)));
      if (left.length > 0) await node.control.command("CLUSTER", "DELSLOTS", ...left);
      bound ||= left.length > 0;
    }
    if (bound) throw new Error("some slots are bound still");
  });
}

async function setSlot(node: ClusterNode, slot: number, ...words: string[]): Promise<void> {
  await node.control.command("CLUSTER", "SETSLOT", slot, ...words);
}
