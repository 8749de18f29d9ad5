import { setTimeout as delay } from "node:timers/promises";
import type { Layout, Shard } from "../../cluster/layout.ts";
import { isUnsettled, redirectOf, targetOf } from "../../cluster/redirects.ts";
import type { HostPort } from "../../cluster/replies.ts";
import { slotOf } from "../../cluster/slot.ts";
import { unservedText } from "../../cluster/unserved.ts";
import { nextTurn } from "../../core/turns.ts";
import { ClusterError, type ServerError } from "../../errors.ts";
import type { Command } from "../subscriptions/command.ts";
import { type Entry, noLink } from "../subscriptions/entry.ts";
import type { Link } from "../subscriptions/link.ts";
import type { Placement, PlacementHost, Unserved } from "../subscriptions/placement.ts";
import type { ClusterNodes } from "./cluster-nodes.ts";
import { has, NodeChoice } from "./node-choice.ts";
import { type NodeLink, NodeLinks } from "./node-links.ts";
import { SlotMoves } from "./slot-moves.ts";

/** How long a link of the role that is not wanted waits for one that is; milliseconds. */
const YIELD = 100;

/**
 * Shard channels, each at a node of the shard that serves its slot: one link for each node that serves any. A channel's
 * home changes when its node says so (a pushed `sunsubscribe`, a MOVED) or when its connection is lost; then whichever
 * node of the shard comes up first takes it.
 */
export class ShardPlacement implements Placement {
  readonly #cluster: ClusterNodes;
  readonly #host: PlacementHost;
  readonly #links: NodeLinks;
  readonly #choice: NodeChoice;
  /** Channels whose node gave them up, on their way to another. */
  readonly #slotMoves: SlotMoves;
  /** Links that wait whether one comes up that is wanted more. */
  readonly #yielding: Set<Link> = new Set();
  /** What nodes answered last for slots that none of them has served since. */
  readonly #refusals: Map<number, ServerError> = new Map();
  #forget: (() => void) | null = null;
  /** Aborted when there is nothing more to do. */
  #work: AbortController = new AbortController();
  #tidying = false;

  constructor(cluster: ClusterNodes, host: PlacementHost, readsFromReplicas: boolean) {
    this.#cluster = cluster;
    this.#host = host;
    this.#links = new NodeLinks(cluster, (dialer) => host.link(dialer));
    this.#choice = new NodeChoice(this.#links, cluster.topology, readsFromReplicas);
    this.#slotMoves = new SlotMoves((slot, entries, target) => this.#settleDown(slot, entries, target));
  }

  get links(): Iterable<Link> {
    return this.#links.links;
  }

  get settled(): boolean {
    if (this.#forget === null || this.#cluster.topology.layout === null || this.#slotMoves.size > 0) return false;
    for (const link of this.links) if (link.names > 0 && !link.restored) return false;
    return true;
  }

  get failure(): unknown {
    return this.#cluster.topology.failure;
  }

  start(): void {
    const { topology } = this.#cluster;
    this.#forget ??= topology.onRefresh((layout) => this.#refreshed(layout));
    for (const link of this.links) link.start();
    this.#work = new AbortController();
    const { signal } = this.#work;
    topology.known(signal).then(
      () => {
        if (!signal.aborted) this.#placeAll();
      },
      (error) => {
        if (!signal.aborted) this.#host.giveUp(error);
      },
    );
  }

  halt(reason: unknown): void {
    this.#forget?.();
    this.#forget = null;
    this.#work.abort();
    this.#slotMoves.stop();
    this.#refusals.clear();
    for (const link of this.links) link.halt(reason);
  }

  async stop(): Promise<void> {
    this.#forget?.();
    this.#forget = null;
    this.#work.abort();
    this.#slotMoves.stop();
    this.#refusals.clear();
    await this.#links.closeAll();
  }

  place(entry: Entry): void {
    const { layout } = this.#cluster.topology;
    if (this.#forget === null || layout === null) return;
    const slot = slotOf(entry.key);
    if (this.#slotMoves.join(slot, entry)) return;
    const node = this.#choice.of(layout.shardOf(slot));
    if (node === null) this.#slotMoves.markUnserved(slot, entry);
    else this.#links.move(entry, this.#links.to(node));
  }

  unserved(entries: readonly Entry[]): Unserved | null {
    const { layout } = this.#cluster.topology;
    const slots = new Map<number, Entry["name"][]>();
    let cause: ServerError | null = null;
    for (const { key, name, link } of entries) {
      const slot = slotOf(key);
      const refusal = this.#refusals.get(slot);
      const isStranded = link === noLink && layout !== null && layout.shardOf(slot) === null;
      // A node that cannot be reached is told of as such; one that is being dialled to be asked again has refused.
      const unreachable = link !== noLink && !link.ready && (link as Link).failing;
      if (!isStranded && (refusal === undefined || unreachable)) continue;
      slots.set(slot, [...(slots.get(slot) ?? []), name]);
      cause ??= refusal ?? null;
    }
    return slots.size === 0 ? null : { text: unservedText(slots, cause), cause };
  }

  confirmed(entry: Entry): void {
    if (this.#slotMoves.idle) return;
    const slot = slotOf(entry.key);
    this.#refusals.delete(slot);
    this.#slotMoves.arrived(slot);
  }

  left(entry: Entry): void {
    this.#links.move(entry, noLink);
    if (!this.#slotMoves.idle) this.#slotMoves.leave(slotOf(entry.key), entry);
    this.tidy();
  }

  tidy(): void {
    if (this.#tidying) return;
    this.#tidying = true;
    // A little later: the name that left may be followed by one that comes.
    nextTurn(() => {
      this.#tidying = false;
      for (const nodeLink of this.#links) {
        const { link } = nodeLink;
        if (link.names === 0 && link.idle && !this.#yielding.has(link) && !this.#isAwaited(nodeLink))
          this.#links.close(nodeLink);
      }
      this.#host.settle();
    });
  }

  up(link: Link): void {
    if (this.#yields(link)) void this.#yield(link);
    else this.#adopt(link);
    this.tidy();
  }

  down(link: Link): void {
    const node = this.#cluster.topology.layout?.nodes.get(this.#links.of(link)?.address ?? "");
    // A node that served in place of another: that one is tried at once.
    if (node !== undefined && !this.#choice.isWanted(node)) this.dialFailed(link);
    else void this.#cluster.topology.refresh();
  }

  dialFailed(link: Link): void {
    void this.#cluster.topology.refresh();
    this.#markGuessesUnserved(link);
    for (const shard of this.#shardsOf(link)) {
      for (const node of this.#choice.alternatives(shard)) {
        const other = this.#links.to(node);
        if (other.ready) this.#host.restore(this.#adopt(other));
      }
    }
  }

  demoted(link: Link): boolean {
    // Its channels stay until it says otherwise: what the new primary takes, it hands on.
    void this.#cluster.topology.refresh(this.#links.of(link)?.node ?? null);
    return true;
  }

  dismissed(link: Link, entry: Entry): void {
    const node = this.#links.of(link)?.node ?? null;
    void this.#cluster.topology.refresh(node);
    this.#links.move(entry, noLink);
    // It is asked again itself. After a migration it names the node that has the slot now; after a failover it serves on, and messages
    // that are still on their way between the nodes of the shard come neither twice nor late.
    this.#slotMoves.return(slotOf(entry.key), entry, node);
  }

  redirected(command: Command, error: ServerError): boolean {
    const nodeLink = this.#links.of(command.link as Link);
    const redirect = redirectOf(error);
    const { registry } = this.#host;
    // An entry that was asked for something else since has an answer of its own to come; a probe's is not registered.
    const entries = command.left.filter(
      (entry) => entry.last === command.told && registry.shard.get(entry.key) === entry,
    );
    if (redirect === null) {
      // What the node serves already it goes on serving while the cluster is down.
      const served = entries.some((entry) => entry.confirmed === command.epoch);
      if (!isUnsettled(error) || served) return false;
    }
    const { topology } = this.#cluster;
    const announced = redirect && targetOf(redirect, nodeLink?.node ?? null, topology.layout?.nodes.values() ?? []);
    const target = announced && this.#reach(announced);
    if (redirect?.kind === "moved") topology.moved(redirect.slot, target);
    if (redirect?.host === "") void topology.refresh();
    for (const entry of entries) {
      this.#links.move(entry, noLink);
      if (!entry.wanted) continue;
      this.#refusals.set(slotOf(entry.key), error);
      if (target === null) this.#slotMoves.markUnserved(slotOf(entry.key), entry);
      else this.#slotMoves.redirect(slotOf(entry.key), entry, target);
    }
    this.tidy();
    return true;
  }

  // ---

  #placeAll(): void {
    const homeless = [...this.#host.registry.shard.values()].filter((entry) => entry.wanted && !entry.link.ready);
    for (const entry of homeless) this.place(entry);
    this.#host.restore(homeless);
    this.#host.settle();
  }

  #refreshed(layout: Layout): void {
    for (const { address, link } of this.#links) {
      const node = layout.nodes.get(address);
      if (!link.ready || node?.failed === false) continue;
      const why = node === undefined ? "has left the cluster" : "is held for dead by the cluster";
      link.reset(new ClusterError(`${address} ${why}.`));
    }
    const homeless: Entry[] = [];
    const uncertain: Entry[] = [];
    for (const entry of this.#host.registry.shard.values()) {
      const nodeLink = this.#links.of(entry.link);
      if (nodeLink === undefined || !entry.wanted) continue;
      const shard = layout.shardOf(slotOf(entry.key));
      if (shard === null || has(shard, nodeLink.address)) continue;
      if (entry.link.ready) uncertain.push(entry);
      else homeless.push(entry);
    }
    for (const entry of homeless) {
      this.#links.move(entry, noLink);
      this.place(entry);
    }
    this.#host.restore(homeless);
    // What the layout places elsewhere may be deaf where it is: that node is asked.
    this.#host.audit(uncertain);
    this.tidy();
  }

  /**
   * Channels of a slot that moves may go to the node they were sent to, or to the one that the layout names. Where it names
   * none, any node is asked, which tells by a MOVED.
   */
  #settleDown(slot: number, entries: readonly Entry[], target: HostPort | null): boolean {
    const { topology } = this.#cluster;
    const node = target ?? this.#choice.of(topology.layout?.shardOf(slot) ?? null) ?? this.#choice.any();
    if (target === null) void topology.refresh();
    if (node === null) return false;
    const link = this.#links.to(node);
    for (const entry of entries) this.#links.move(entry, link);
    this.#host.restore(entries);
    return true;
  }

  /** Channels whose slot has no known owner were to be asked for at this link, which does not come up. */
  #markGuessesUnserved(link: Link): void {
    const { layout } = this.#cluster.topology;
    for (const entry of this.#host.registry.shard.values()) {
      const slot = slotOf(entry.key);
      if (entry.link !== link || !entry.wanted || layout?.shardOf(slot) !== null) continue;
      this.#links.move(entry, noLink);
      this.#slotMoves.markUnserved(slot, entry);
    }
  }

  /** The address of a node from here; `null` where the user's function fails. */
  #reach(announced: HostPort): HostPort | null {
    try {
      return this.#cluster.reach(announced);
    } catch {
      return null;
    }
  }

  /** Whether the link is to wait for one that is wanted more, which is tried at once. */
  #yields(link: Link): boolean {
    const preferred = this.#choice.preferredTo(link);
    for (const other of preferred) other.wake();
    return preferred.length > 0;
  }

  /** If the other fails meanwhile, `dialFailed` gives this one its channels; if it hangs, they are taken after a moment. */
  async #yield(link: Link): Promise<void> {
    this.#yielding.add(link);
    await delay(YIELD, undefined, { signal: this.#work.signal }).catch(() => {});
    this.#yielding.delete(link);
    if (this.#work.signal.aborted) return;
    if (link.ready) this.#host.restore(this.#adopt(link));
    this.tidy();
  }

  /** The link takes the channels of its shard that no node serves at the moment. */
  #adopt(link: Link): Entry[] {
    const { layout } = this.#cluster.topology;
    const address = this.#links.of(link)?.address;
    const adopted: Entry[] = [];
    if (address === undefined || layout === null) return adopted;
    for (const entry of this.#host.registry.shard.values()) {
      if (entry.link === noLink || entry.link.ready || !entry.wanted) continue;
      if (has(layout.shardOf(slotOf(entry.key)), address)) adopted.push(entry);
    }
    for (const entry of adopted) this.#links.move(entry, link);
    return adopted;
  }

  /** Whether the link is tried because another node of its shard, which has names, does not come up. */
  #isAwaited({ address, link }: NodeLink): boolean {
    if (link.ready) return false;
    for (const other of this.links) {
      if (other.names === 0 || other.ready) continue;
      for (const shard of this.#shardsOf(other)) if (has(shard, address)) return true;
    }
    return false;
  }

  /** The shards whose channels have the link for a home. */
  #shardsOf(link: Link): Set<Shard> {
    const shards = new Set<Shard>();
    const { layout } = this.#cluster.topology;
    for (const entry of this.#host.registry.shard.values()) {
      const shard = entry.link === link ? layout?.shardOf(slotOf(entry.key)) : null;
      if (shard) shards.add(shard);
    }
    return shards;
  }
}
