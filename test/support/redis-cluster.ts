import { setTimeout as sleep } from "node:timers/promises";
import { migrateAtomically } from "./atomic-migration.ts";
import { prepareJoining, prepareNodes, startJoining, startNodes } from "./cluster-birth.ts";
import { ClusterMembers } from "./cluster-members.ts";
import { type ClusterNode, findPlace, type NodeOptions } from "./cluster-node.ts";
import type { SlotRange } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { PortTakenError } from "./redis-server.ts";
import { moveSlots, SlotMigration, unbindSlots } from "./slot-migration.ts";

export interface ClusterOptions extends NodeOptions {
  /** Default 3. */
  readonly primaries?: number | undefined;
  /** Default 1. */
  readonly replicasPerPrimary?: number | undefined;
}

/** What an operation waits for. */
export interface Settling {
  /** Whether it waits until all living nodes agree (the default), or only until the nodes concerned have done it. */
  readonly gossip?: boolean | undefined;
}

export interface MigrateOptions extends Settling {
  /** Which of the two hears of the end first. Default `"source-first"`: for a while, nobody serves the slot. */
  readonly order?: "source-first" | "target-first" | undefined;
  /** The time between the two, in milliseconds. Default 0. */
  readonly pauseMs?: number | undefined;
}

/** A server gives a planned failover up after five seconds, without a word. */
const FAILOVER_LIMIT = 6_000;

/**
 * Starts a private cluster on loopback; resolves when all slots are served, all nodes are linked and agree, and every
 * replica is in sync.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  for (let attempt = 1; ; attempt++) {
    const cluster = new TestCluster(options);
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      if (!(error instanceof PortTakenError) || attempt === 10) throw error;
    }
  }
}

/**
 * A real cluster of servers of our own. An operation resolves when it is done, and all living nodes know.
 *
 * Nodes are killed, frozen and started again themselves: `await cluster.primaries[0].kill()`.
 */
export class TestCluster extends ClusterMembers implements AsyncDisposable {
  readonly #options: ClusterOptions;
  /** Every node there ever was. */
  readonly #all: ClusterNode[] = [];

  /** Use {@link startCluster}. */
  constructor(options: ClusterOptions) {
    super();
    this.#options = options;
  }

  async start(): Promise<void> {
    const { primaries = 3, replicasPerPrimary = 1 } = this.#options;
    const unborn = await prepareNodes(primaries, replicasPerPrimary, this.#options);
    this.nodes.push(...unborn.primaries, ...unborn.replicas);
    this.#all.push(...this.nodes);
    await startNodes(unborn);
    await this.agree();
    await this.inSync();
  }

  /** The URLs of all members, dead ones too, primaries first as they were started. */
  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** The move of one slot to another primary, step by step. */
  migration(slot: number, target: ClusterNode): SlotMigration {
    return new SlotMigration(this, slot, target);
  }

  /** Moves one slot as resharding does. */
  async migrateSlot(slot: number, target: ClusterNode, options: MigrateOptions = {}): Promise<void> {
    const { order = "source-first", pauseMs = 0, gossip } = options;
    const migration = this.migration(slot, target);
    await migration.begin();
    await (order === "source-first" ? migration.tellSource() : migration.tellTarget());
    await sleep(pauseMs);
    await (order === "source-first" ? migration.tellTarget() : migration.tellSource());
    await migration.settle({ gossip });
  }

  /** Has the servers move a range of slots of one primary to another in one step; not all servers can. */
  async migrateAtomically(slots: SlotRange, target: ClusterNode, options?: Settling): Promise<void> {
    await migrateAtomically(this.ownerOf(slots[0]), target, slots);
    await this.#settle(options);
  }

  /** Moves many slots at once, whosever they are. */
  async moveSlots(slots: readonly number[], target: ClusterNode, options?: Settling): Promise<void> {
    await moveSlots(this, slots, target);
    await this.#settle(options);
  }

  /** `CLUSTER DELSLOTS` at every node. Unless started with `fullCoverage: false` all nodes say `cluster_state:fail` then. */
  async delSlots(slots: readonly number[]): Promise<void> {
    await unbindSlots(this, slots);
    await this.refresh();
  }

  /** `CLUSTER ADDSLOTS` at one primary, of slots that nobody has. */
  async addSlots(slots: readonly number[], node: ClusterNode, options?: Settling): Promise<void> {
    await node.control.command("CLUSTER", "ADDSLOTS", ...slots);
    await this.#settle(options);
  }

  /** Promotes a replica: planned, without its primary's help, or even without the others' votes. */
  async failover(
    replica: ClusterNode,
    mode: "default" | "force" | "takeover" = "default",
    options?: Settling,
  ): Promise<void> {
    await eventually(
      async () => {
        if (mode === "default") await this.inSync([replica]);
        await replica.control.command("CLUSTER", "FAILOVER", ...(mode === "default" ? [] : [mode.toUpperCase()]));
        await promoted(replica);
      },
      { timeout: 3 * FAILOVER_LIMIT },
    );
    await this.#settle(options);
  }

  /** Waits until another node has the slots of a dead primary, and all living nodes agree; gives that node. */
  async waitForFailover(dead: ClusterNode, options?: Settling): Promise<ClusterNode> {
    const slot = dead.slots[0]?.[0];
    if (slot === undefined) throw new Error(`${dead.name} had no slots`);
    await eventually(
      async () => {
        await this.refresh();
        if (!this.ownerOf(slot).answers) throw new Error(`nobody has taken over from ${dead.name}`);
      },
      { timeout: 30_000, interval: 20 },
    );
    await this.#settle(options);
    return this.ownerOf(slot);
  }

  /** `CLUSTER REPLICATE`: makes a replica, or a primary without slots, the replica of `primary`, in sync with it. */
  async reparent(replica: ClusterNode, primary: ClusterNode, options?: Settling): Promise<void> {
    await replica.control.command("CLUSTER", "REPLICATE", primary.id);
    await this.#settle(options);
    if (options?.gossip !== false) await this.inSync([replica]);
  }

  /** Starts one more node: a primary without slots, or the replica of one. */
  async addNode({ replicaOf }: { readonly replicaOf?: ClusterNode | undefined } = {}): Promise<ClusterNode> {
    const number = this.#all.length + 1;
    const place = await findPlace(number, this.#options);
    const joining = prepareJoining(`n${number}`, this.#options, place);
    const { node } = joining;
    this.#all.push(node);
    await startJoining(joining, this.living);
    this.nodes.push(node);
    await this.agree();
    if (replicaOf !== undefined) await this.reparent(node, replicaOf);
    return node;
  }

  /** Has all others forget a node without slots; it is reset, with a new id, and runs on alone until `stop`. */
  async forget(node: ClusterNode): Promise<void> {
    const { id } = node;
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await Promise.all(this.living.map(({ control }) => control.command("CLUSTER", "FORGET", id)));
    if (node.answers) {
      await node.control.command("CLUSTER", "RESET", "HARD");
      node.id = String(await node.control.command("CLUSTER", "MYID"));
      Object.assign(node, { role: "primary", primaryId: null, slots: [] });
    }
    await this.agree();
  }

  /** Cuts all bus links to and from a node while its clients go on undisturbed. Needs `proxied: { bus: true }`. */
  cutBus(node: ClusterNode): void {
    const { busProxy, place } = node;
    busProxy.refuse();
    busProxy.cut();
    for (const other of this.nodes) if (other !== node) other.busProxy.shun(place.sourceAddress ?? "");
  }

  /** Ends what `cutBus` did. */
  async healBus(): Promise<void> {
    await Promise.all(this.nodes.map(({ busProxy }) => busProxy.heal()));
  }

  /** Ends every node and removes what it left. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((node) => node.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #settle({ gossip = true }: Settling = {}): Promise<void> {
    await (gossip ? this.agree() : this.refresh());
  }
}

async function promoted(node: ClusterNode): Promise<void> {
  await eventually(
    async () => {
      const [role] = (await node.control.command("ROLE")) as string[];
      if (role !== "master") throw new Error(`${node.name} was not promoted`);
    },
    { timeout: FAILOVER_LIMIT },
  );
}
