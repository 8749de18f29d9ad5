import { SLOTS } from "./slot.ts";

/** A node as the cluster announces it. `address` (host:port) stands for it wherever one is looked up. */
export interface ClusterNode {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly role: "primary" | "replica";
  /** Whether the cluster marks it as failed. */
  readonly failed: boolean;
}

/** A primary with its replicas, and the ranges of slots (both ends included) that they serve. */
export interface Shard {
  readonly nodes: readonly ClusterNode[];
  readonly slots: readonly (readonly [first: number, last: number])[];
}

/** What the index of a shard can be. */
const MOST_SHARDS = 2 ** 15 - 1;

/** Which node serves which slot, as it was known at one moment. Immutable. */
export class Layout {
  readonly shards: readonly Shard[];
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly #primaries: readonly (ClusterNode | null)[];
  /** The index of each slot's shard; -1 for none. */
  readonly #shardOf: Int16Array;

  constructor(shards: readonly Shard[], shardOf: Int16Array = indexOf(shards)) {
    this.shards = shards;
    this.nodes = byAddress(shards);
    this.#primaries = shards.map(primaryOf);
    this.#shardOf = shardOf;
  }

  /** How many slots a shard serves. */
  get covered(): number {
    let covered = 0;
    for (const shard of this.#shardOf) if (shard >= 0) covered++;
    return covered;
  }

  /** The shard that serves a slot; `null` where none does. */
  shardOf(slot: number): Shard | null {
    return this.shards[this.#shardOf[slot] ?? -1] ?? null;
  }

  /** The primary of a slot. */
  ownerOf(slot: number): ClusterNode | null {
    return this.#primaries[this.#shardOf[slot] ?? -1] ?? null;
  }

  /** The nodes that own slots, or may. */
  get primaries(): ClusterNode[] {
    return this.#primaries.filter((primary) => primary !== null);
  }

  /** The same layout, and for slots whose shard it does not know the shards of another layout. */
  filledFrom(other: Layout): Layout {
    const shards = [...this.shards];
    const shardOf = this.#shardOf.slice();
    const added = new Map<Shard, number>();
    // What this layout knows of a node is better than what the other one does.
    const asKnown = (node: ClusterNode): ClusterNode => ({
      ...node,
      failed: this.nodes.get(node.address)?.failed ?? node.failed,
    });
    for (let slot = 0; slot < SLOTS; slot++) {
      const shard = other.shardOf(slot);
      if (shard === null || this.shardOf(slot) !== null) continue;
      let index = added.get(shard) ?? this.#indexOf(other.ownerOf(slot));
      if (index < 0 && shards.length < MOST_SHARDS) {
        index = shards.push({ nodes: shard.nodes.map(asKnown), slots: shard.slots }) - 1;
      }
      added.set(shard, index);
      shardOf[slot] = index;
    }
    return added.size === 0 ? this : new Layout(shards, shardOf);
  }

  /** The same layout but for one slot, which the node at this address is said to serve. */
  withOwner(slot: number, { host, port }: { readonly host: string; readonly port: number }): Layout {
    const address = addressOf(host, port);
    if (this.ownerOf(slot)?.address === address) return this;
    let { shards } = this;
    let shard = this.#indexOf({ address });
    // Nodes without end are no cluster's; a refresh will tell.
    if (shard < 0 && shards.length >= MOST_SHARDS) return this;
    if (shard < 0) {
      // New, or a replica that was promoted; a refresh will tell.
      const siblings = shards.find(({ nodes }) => nodes.some((node) => node.address === address))?.nodes ?? [];
      const replicas = siblings.filter((node) => node.address !== address).map(asReplica);
      shards = [
        ...shards,
        { nodes: [{ address, host, port, role: "primary", failed: false }, ...replicas], slots: [] },
      ];
      shard = shards.length - 1;
    }
    const shardOf = this.#shardOf.slice();
    shardOf[slot] = shard;
    return new Layout(shards, shardOf);
  }

  /** The index of the shard that has this primary; -1 for none. */
  #indexOf(owner: { readonly address: string } | null): number {
    return owner === null ? -1 : this.#primaries.findIndex((primary) => primary?.address === owner.address);
  }
}

/** How a node is looked up. */
export function addressOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** An address that is listed twice stands for the node that has not failed. */
function byAddress(shards: readonly Shard[]): Map<string, ClusterNode> {
  const nodes = new Map<string, ClusterNode>();
  for (const node of shards.flatMap((shard) => shard.nodes)) {
    if (nodes.get(node.address)?.failed !== false) nodes.set(node.address, node);
  }
  return nodes;
}

function primaryOf({ nodes }: Shard): ClusterNode | null {
  const primaries = nodes.filter(({ role }) => role === "primary");
  // While the news of a failover spreads, a shard may list two primaries: the one that has not failed counts.
  return primaries.find(({ failed }) => !failed) ?? primaries[0] ?? null;
}

function asReplica(node: ClusterNode): ClusterNode {
  return { ...node, role: "replica" };
}

/** Of two shards that claim a slot, the one whose primary has not failed has it. */
function indexOf(shards: readonly Shard[]): Int16Array {
  const shardOf = new Int16Array(SLOTS).fill(-1);
  const claims = Array.from(shards.slice(0, MOST_SHARDS), (shard, index) => ({ shard, index }));
  const lives = ({ shard }: { readonly shard: Shard }): boolean => primaryOf(shard)?.failed === false;
  for (const { shard, index } of [...claims.filter((claim) => !lives(claim)), ...claims.filter(lives)]) {
    for (const [first, last] of shard.slots) shardOf.fill(index, first, last + 1);
  }
  return shardOf;
}
