import type { ClusterNode, Layout, Shard } from "../../cluster/layout.ts";
import type { Link } from "../subscriptions/link.ts";
import type { NodeLinks } from "./node-links.ts";

/** Where the layout stands at the moment. */
interface Topology {
  readonly layout: Layout | null;
}

/** Which node of a shard is to serve its channels. */
export class NodeChoice {
  readonly #links: NodeLinks;
  readonly #topology: Topology;
  readonly #readsFromReplicas: boolean;

  constructor(links: NodeLinks, topology: Topology, readsFromReplicas: boolean) {
    this.#links = links;
    this.#topology = topology;
    this.#readsFromReplicas = readsFromReplicas;
  }

  /** Whether a node has the role that is wanted. */
  isWanted({ role }: ClusterNode): boolean {
    return (role === "replica") === this.#readsFromReplicas;
  }

  /**
   * The node that is to serve a shard: of the role that is wanted, one that has a link before one that has none. `null` for
   * a shard that is not known, or without nodes.
   */
  of(shard: Shard | null): ClusterNode | null {
    const nodes = shard?.nodes ?? [];
    const rank = (node: ClusterNode): number => {
      const link = this.#links.at(node.address);
      const unfit = node.failed || link?.failing === true ? 4 : 0;
      const other = this.isWanted(node) ? 0 : 2;
      return unfit + other + (link === undefined ? 1 : 0);
    };
    const best = Math.min(...nodes.map(rank));
    return oneOf(nodes.filter((node) => rank(node) === best));
  }

  /** A random node that lives; every other time one with a link that is up, so that few connections are opened. */
  any(): ClusterNode | null {
    const nodes = [...(this.#topology.layout?.nodes.values() ?? [])].filter(({ failed }) => !failed);
    const connected = nodes.filter(({ address }) => this.#links.at(address)?.ready === true);
    return oneOf(connected.length > 0 && Math.random() < 0.5 ? connected : nodes);
  }

  /** The nodes that may serve a shard while the node that should cannot be reached: those of the role that is wanted first. */
  alternatives({ nodes }: Shard): ClusterNode[] {
    const fit = nodes.filter(({ failed, address }) => !failed && this.#links.at(address)?.failing !== true);
    const wanted = fit.filter((node) => this.isWanted(node));
    return wanted.length > 0 ? wanted : fit;
  }

  /**
   * The links to nodes of the role that is wanted, which are not up, where the link's own node is of the other role. After a
   * restart of a whole shard a replica that comes up first would be deaf until it is in touch with its primary.
   */
  preferredTo(link: Link): Link[] {
    const address = this.#links.of(link)?.address ?? "";
    const shard = this.#topology.layout?.shards.find((one) => has(one, address));
    const node = shard?.nodes.find((one) => one.address === address);
    if (shard === undefined || node === undefined || this.isWanted(node)) return [];
    const others = shard.nodes.filter((one) => this.isWanted(one));
    return others.flatMap((one) => this.#links.at(one.address) ?? []).filter((other) => !other.ready);
  }
}

/** Whether a node belongs to a shard. */
export function has(shard: Shard | null, address: string): boolean {
  return shard?.nodes.some((node) => node.address === address) ?? false;
}

function oneOf<T>(candidates: readonly T[]): T | null {
  return candidates[Math.floor(Math.random() * candidates.length)] ?? null;
}
