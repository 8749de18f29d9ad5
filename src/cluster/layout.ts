import { SLOTS } from "./slot.ts";

/** A node as the cluster announces it. `address` (host:port) stands for it wherever one is looked up. */
export interface ClusterNode {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly role: "primary" | "replica";
  /** Whether the cluster holds it for dead. */
  readonly failed: boolean;
}

/** A primary with its replicas, and the ranges of slots (both ends included) that they serve. */
export interface Shard {
  readonly nodes: readonly ClusterNode[];
  readonly slots: readonly (readonly [first: number, last: number])[];
}

/** What differs between two layouts. */
export interface LayoutDiff {
  /** Addresses of nodes that are there now. */
  readonly joined: readonly string[];
  /** Addresses of nodes that are gone. */
  readonly left: readonly string[];
  /** Slots that another primary serves now, or none. */
  readonly moved: readonly number[];
}

/** Which node serves which slot, as it was known at one moment. Immutable. */
export class Layout {
  readonly shards: readonly Shard[];
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly #primaries: readonly (ClusterNode | null)[];
  /** The index of each slot's shard; -1 for none. */
  readonly #shardOf: Int16Array;

  constructor(shards: readonly Shard[], shardOf: Int16Array = indexOf(shards)) {
    this.shards = shards;
    this.nodes = new Map(shards.flatMap(({ nodes }) => nodes.map((node) => [node.address, node])));
    this.#primaries = shards.map(primaryOf);
    this.#shardOf = shardOf;
  }

  /** Who serves a slot; `null` where nobody does. */
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

  /** The same layout but for one slot, which the node at this address is said to serve. */
  withOwner(slot: number, { host, port }: { readonly host: string; readonly port: number }): Layout {
    const address = addressOf(host, port);
    if (this.ownerOf(slot)?.address === address) return this;
    let { shards } = this;
    let shard = this.#primaries.findIndex((primary) => primary?.address === address);
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

  /** What changed since an earlier layout. */
  diff(before: Layout): LayoutDiff {
    const moved: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      if (before.ownerOf(slot)?.address !== this.ownerOf(slot)?.address) moved.push(slot);
    }
    return {
      joined: [...this.nodes.keys()].filter((address) => !before.nodes.has(address)),
      left: [...before.nodes.keys()].filter((address) => !this.nodes.has(address)),
      moved,
    };
  }
}

/** How a node is looked up. */
export function addressOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function primaryOf({ nodes }: Shard): ClusterNode | null {
  const primaries = nodes.filter(({ role }) => role === "primary");
  // While a failover is told about, a shard may show two: the living one counts.
  return primaries.find(({ failed }) => !failed) ?? primaries[0] ?? null;
}

function asReplica(node: ClusterNode): ClusterNode {
  return { ...node, role: "replica" };
}

function indexOf(shards: readonly Shard[]): Int16Array {
  const shardOf = new Int16Array(SLOTS).fill(-1);
  for (const [index, { slots }] of shards.entries()) {
    for (const [first, last] of slots) shardOf.fill(index, first, last + 1);
  }
  return shardOf;
}
