import type { ClusterNode } from "./cluster-node.ts";
import { type ClusterView, rangesText } from "./cluster-view.ts";
import { type EventuallyOptions, eventually } from "./eventually.ts";
import { slotOf, tagOf } from "./slot.ts";

/** Room for an automatic failover on a busy machine. */
const AGREEMENT: EventuallyOptions = { timeout: 30_000, interval: 20 };

/** The nodes of a cluster, who they are to one another, and which slots are whose. */
export class ClusterMembers {
  /** All nodes that were not forgotten, dead ones too. */
  readonly nodes: ClusterNode[] = [];

  /** The nodes that run and are not frozen. */
  get living(): ClusterNode[] {
    return this.nodes.filter(({ answers }) => answers);
  }

  /** The living primaries, as of the last `agree` or `refresh`. */
  get primaries(): ClusterNode[] {
    return this.living.filter(({ role }) => role === "primary");
  }

  /** The living replicas. */
  get replicas(): ClusterNode[] {
    return this.living.filter(({ role }) => role === "replica");
  }

  /** The living replicas of one primary. */
  replicasOf(primary: ClusterNode): ClusterNode[] {
    return this.replicas.filter(({ primaryId }) => primaryId === primary.id);
  }

  /** The primary whose slot this is, as of the last `agree` or `refresh`; a dead one if no living node has it. */
  ownerOf(slot: number): ClusterNode {
    const owns = (node: ClusterNode): boolean => node.role === "primary" && node.owns(slot);
    // One that has lost its slots while it was away claims them still, with an older epoch.
    const [owner = this.nodes.find(owns)] = this.living.filter(owns).sort((a, b) => b.epoch - a.epoch);
    if (owner === undefined) throw new Error(`slot ${slot} belongs to no node`);
    return owner;
  }

  /** The primary whose slot a channel is in. */
  ownerOfChannel(channel: string): ClusterNode {
    return this.ownerOf(slotOf(channel));
  }

  /** The node that announces this port. */
  byPort(port: number): ClusterNode | undefined {
    return this.nodes.find(({ announcedPort }) => announcedPort === port);
  }

  /** `count` channels, each in a slot of this primary; `prefix1`, `prefix2`, … without those of other nodes. */
  channelsFor(node: ClusterNode, count: number, prefix = "channel"): string[] {
    if (node.slots.length === 0) throw new Error(`${node.name} has no slots`);
    const channels: string[] = [];
    for (let number = 1; channels.length < count; number++) {
      if (node.owns(slotOf(`${prefix}${number}`))) channels.push(`${prefix}${number}`);
    }
    return channels;
  }

  /** `count` channels in this slot, by a hash tag. */
  channelsForSlot(slot: number, count: number, prefix = "channel"): string[] {
    return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}{${tagOf(slot)}}`);
  }

  /** Asks every living node who it is, without waiting for anything; who dies meanwhile stays as it was. */
  async refresh(): Promise<void> {
    const { living } = this;
    const views = await Promise.all(living.map((node) => node.view().catch(() => undefined)));
    living.forEach((node, index) => {
      adopt(node, views[index]);
    });
  }

  /**
   * Waits until all living nodes say ok, are linked with one another, and hold the same for true of who is whose replica,
   * of every slot, and of how new each claim is: who gets a slot next takes an epoch by what it knows of the others', and
   * with one that is too old it would lose the slot to a message that was on its way.
   */
  async agree(options: EventuallyOptions = AGREEMENT): Promise<void> {
    await eventually(async () => {
      const { living } = this;
      const views = await Promise.all(living.map((node) => node.view()));
      const faults = disagreements(living, views);
      if (faults.length > 0) throw new Error(`the nodes do not agree:\n${faults.join("\n")}`);
      living.forEach((node, index) => {
        adopt(node, views[index]);
      });
    }, options);
  }

  /** Waits until every living replica of a living primary has its link up and its data whole. */
  async inSync(
    replicas: readonly ClusterNode[] = this.replicas,
    options: EventuallyOptions = AGREEMENT,
  ): Promise<void> {
    await eventually(async () => {
      const living = replicas.filter(({ primaryId }) => this.living.some(({ id }) => id === primaryId));
      const infos = await Promise.all(living.map((node) => node.control.command("INFO", "replication")));
      const behind = living.filter((_, index) => !String(infos[index]).includes("master_link_status:up"));
      if (behind.length > 0) throw new Error(`not in sync: ${behind.map(({ name }) => name).join(", ")}`);
    }, options);
  }
}

function adopt(node: ClusterNode, view: ClusterView | undefined): void {
  const own = view?.records.find(({ flags }) => flags.has("myself"));
  if (own === undefined) return;
  node.id = own.id;
  node.role = own.role;
  node.primaryId = own.primaryId;
  node.slots = own.slots;
  node.epoch = own.epoch;
}

function disagreements(living: readonly ClusterNode[], views: readonly ClusterView[]): string[] {
  if (living.length === 0) return ["no node lives"];
  const names = new Map(living.map(({ id, name }) => [id, name]));
  const pictures = views.map(({ records }) =>
    records
      .filter(({ id, slots }) => names.has(id) || slots.length > 0)
      .map(({ id, role, primaryId, epoch, slots }) =>
        role === "replica"
          ? `${names.get(id) ?? id} replica ${names.get(primaryId ?? "") ?? primaryId}`
          : `${names.get(id) ?? id} primary in epoch ${epoch} ${rangesText(slots)}`,
      )
      .sort()
      .join("; "),
  );
  return living.flatMap((node, index) => {
    const view = views[index];
    const { ok = false, records = [] } = view ?? {};
    const unlinked = living.filter(({ id }) => {
      const record = records.find((it) => it.id === id);
      return !record?.connected || ["handshake", "fail", "fail?"].some((flag) => record.flags.has(flag));
    });
    return [
      ok ? "" : `${node.name} does not say ok`,
      unlinked.length === 0 ? "" : `${node.name} has no link with ${unlinked.map(({ name }) => name).join(", ")}`,
      pictures[index] === pictures[0] ? "" : `${node.name} has ${pictures[index]} where another has ${pictures[0]}`,
    ].filter((fault) => fault !== "");
  });
}
