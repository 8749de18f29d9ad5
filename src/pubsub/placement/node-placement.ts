import { addressOf, type ClusterNode, type Layout } from "../../cluster/layout.ts";
import { readHealth } from "../../cluster/replies.ts";
import type { Connection, Timeouts } from "../../connection/connection.ts";
import { throwIfAborted } from "../../core/abort.ts";
import { shuffled } from "../../core/shuffled.ts";
import { ClusterError, ServerError } from "../../errors.ts";
import type { Link } from "../subscriptions/link.ts";
import type { PlacementHost } from "../subscriptions/placement.ts";
import type { ClusterNodes } from "./cluster-nodes.ts";
import { OneLink } from "./one-link.ts";

/**
 * Every name over one link to a random node of a cluster, which hands on what is published at any other. The link leaves
 * a node that has left the cluster, is held for dead, or has lost the majority: then others' messages do not reach it.
 */
export class NodePlacement extends OneLink {
  readonly #cluster: ClusterNodes;
  readonly #readsFromReplicas: boolean;
  /** Nodes that could not be used since one could. */
  readonly #avoided: Set<string> = new Set();
  #node: ClusterNode | null = null;
  #forget: (() => void) | null = null;

  constructor(cluster: ClusterNodes, host: PlacementHost, readsFromReplicas: boolean) {
    super(
      host.link({
        dial: (timeouts, signal) => this.#dial(timeouts, signal),
        release: (connection) => cluster.release(connection),
      }),
    );
    this.#cluster = cluster;
    this.#readsFromReplicas = readsFromReplicas;
  }

  override get failure(): unknown {
    return this.#cluster.topology.failure;
  }

  override start(): void {
    this.#forget ??= this.#cluster.topology.onRefresh((layout) => this.#judge(layout));
    super.start();
  }

  override stop(): Promise<void> {
    this.#forget?.();
    this.#forget = null;
    return super.stop();
  }

  override down(): void {
    this.#avoid();
  }

  override dialFailed(): void {
    this.#avoid();
  }

  override demoted(): boolean {
    // It knows best itself; the others may not have heard yet.
    void this.#cluster.topology.refresh(this.#node);
    return true;
  }

  #avoid(): void {
    if (this.#node === null) return;
    this.#avoided.add(this.#node.address);
    void this.#cluster.topology.refresh();
  }

  async #dial(timeouts: Timeouts, signal: AbortSignal): Promise<Connection> {
    const { topology } = this.#cluster;
    const layout = await topology.known(signal);
    throwIfAborted(signal);
    const node = this.#choose(layout);
    this.#node = node;
    const connection = await this.#cluster.leaseFrom(node, timeouts, signal);
    try {
      await refuseIsolated(connection, node);
    } catch (error) {
      connection.destroy(error);
      throw error;
    }
    this.#avoided.clear();
    return connection;
  }

  #choose({ nodes }: Layout): ClusterNode {
    const living = shuffled([...nodes.values()].filter(({ failed }) => !failed));
    const usable = living.filter(({ address }) => !this.#avoided.has(address));
    if (usable.length === 0) this.#avoided.clear();
    const candidates = usable.length > 0 ? usable : living;
    const wanted = candidates.find(({ role }) => (role === "replica") === this.#readsFromReplicas);
    const chosen = wanted ?? candidates[0];
    if (chosen === undefined) throw new ClusterError("No node of the cluster is alive.");
    return chosen;
  }

  #judge(layout: Layout): void {
    const node = this.#node;
    const [link] = this.links;
    if (node === null || !link.ready) return;
    const known = layout.nodes.get(node.address);
    if (known === undefined) this.#leave(link, `${node.address} has left the cluster.`);
    else if (this.#isDemoted(node, known, layout))
      this.#leave(link, `${node.address} was a primary and is a replica now.`);
    else if (known.failed) this.#leave(link, `The cluster holds ${node.address} for dead.`);
    else if (this.#cluster.topology.isolated)
      this.#leave(link, `${node.address} has lost the majority of the cluster.`);
  }

  /** Whether it was chosen as a primary, is none any more, and another one is there. */
  #isDemoted(chosen: ClusterNode, { role }: ClusterNode, { primaries }: Layout): boolean {
    if (this.#readsFromReplicas || chosen.role !== "primary" || role === "primary") return false;
    return primaries.some(({ failed }) => !failed);
  }

  #leave(link: Link, why: string): void {
    link.reset(new ClusterError(`${why} Messages may not reach its subscribers.`));
  }
}

/** A node that has lost the majority serves on, and others' messages do not reach it. */
async function refuseIsolated(connection: Connection, { host, port }: ClusterNode): Promise<void> {
  try {
    if (readHealth(await connection.command(["CLUSTER", "INFO"])) !== "isolated") return;
  } catch (error) {
    // Not allowed to ask: then it is not known to be isolated.
    if (error instanceof ServerError) return;
    throw error;
  }
  throw new ClusterError(`${addressOf(host, port)} has lost the majority of the cluster.`);
}
