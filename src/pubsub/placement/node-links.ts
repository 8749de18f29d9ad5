import { addressOf } from "../../cluster/layout.ts";
import type { HostPort } from "../../cluster/replies.ts";
import type { Connection, Timeouts } from "../../connection/connection.ts";
import { handled } from "../../core/deferred.ts";
import { type Entry, noLink } from "../subscriptions/entry.ts";
import type { Link } from "../subscriptions/link.ts";
import type { PlacementHost } from "../subscriptions/placement.ts";
import type { ClusterNodes } from "./cluster-nodes.ts";

/** A link to one node. */
export interface NodeLink {
  readonly node: HostPort;
  readonly address: string;
  readonly link: Link;
}

/** The links of a sharded consumer, one for each node; each counts the names that it is to serve. */
export class NodeLinks {
  readonly #cluster: ClusterNodes;
  readonly #open: PlacementHost["link"];
  readonly #byAddress: Map<string, NodeLink> = new Map();
  readonly #byLink: Map<Link, NodeLink> = new Map();
  /** Links that give their connections back. */
  readonly #leaving: Set<Promise<void>> = new Set();

  constructor(cluster: ClusterNodes, open: PlacementHost["link"]) {
    this.#cluster = cluster;
    this.#open = open;
  }

  get links(): Iterable<Link> {
    return this.#byLink.keys();
  }

  [Symbol.iterator](): Iterator<NodeLink> {
    return this.#byAddress.values();
  }

  at(address: string): Link | undefined {
    return this.#byAddress.get(address)?.link;
  }

  /** The node of a link; none of one that is closed, or that stands for no link. */
  of(link: Entry["link"]): NodeLink | undefined {
    return this.#byLink.get(link as Link);
  }

  /** The link to a node, opened where there is none. */
  to(node: HostPort): Link {
    const address = addressOf(node.host, node.port);
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known.link;
    const link = this.#open({
      dial: (timeouts, signal) => this.#dial(node, timeouts, signal),
      release: (connection) => this.#cluster.release(connection),
    });
    const nodeLink = { node, address, link };
    this.#byAddress.set(address, nodeLink);
    this.#byLink.set(link, nodeLink);
    link.start();
    return link;
  }

  /** The entry is served over another link from now on, or over none. */
  move(entry: Entry, to: Link | typeof noLink): void {
    const before = this.of(entry.link)?.link;
    if (before !== undefined) before.names--;
    if (to !== noLink) (to as Link).names++;
    entry.link = to;
    entry.last = null;
  }

  close({ address, link }: NodeLink): void {
    this.#byAddress.delete(address);
    this.#byLink.delete(link);
    const leaving: Promise<void> = link.stop().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  /** Resolves when all connections are given back. */
  async closeAll(): Promise<void> {
    for (const nodeLink of this.#byAddress.values()) this.close(nodeLink);
    await Promise.all(this.#leaving);
  }

  async #dial(node: HostPort, timeouts: Timeouts, signal: AbortSignal): Promise<Connection> {
    const connection = await this.#cluster.leaseFrom(node, timeouts, signal);
    const known = this.#cluster.topology.layout?.nodes.get(addressOf(node.host, node.port));
    // A replica of Redis 8.0 refuses a SUNSUBSCRIBE with names otherwise. In RESP2 it must come before any SSUBSCRIBE.
    if (known?.role === "replica") void handled(connection.command(["READONLY"]));
    return connection;
  }
}
