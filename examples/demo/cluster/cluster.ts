import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "../at-exit.ts";
import { need } from "../wait.ts";
import { ClusterNode } from "./node.ts";
import { hasSlot, picture, slotsOf } from "./view.ts";

const PRIMARIES = 3;
const SLOTS = 16_384;

/** A cluster on the loopback interface. Its processes and its directory never outlive this process. */
export class Cluster implements AsyncDisposable {
  readonly nodes: ClusterNode[] = [];
  readonly #program: string;
  readonly #directory: string = mkdtempSync(join(tmpdir(), "tidings-demo-"));
  readonly #forget: () => void;

  private constructor(program: string) {
    this.#program = program;
    this.#forget = atExit(() => this.#remove());
  }

  /** Three primaries with all slots, and a replica for each: node 4 of node 1, and so on. */
  static async start(program: string): Promise<Cluster> {
    const cluster = new Cluster(program);
    try {
      await cluster.#found();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get living(): ClusterNode[] {
    return this.nodes.filter(({ alive }) => alive);
  }

  /** The primaries among the living, the longest known first. */
  async primaries(): Promise<ClusterNode[]> {
    const members = await this.#someone().members();
    const ids = members.filter(({ primaryId }) => primaryId === null).map(({ id }) => id);
    return this.living.filter(({ id }) => ids.includes(id));
  }

  async replicaOf(primary: ClusterNode): Promise<ClusterNode> {
    const members = await this.#someone().members();
    return this.#byId(members.find(({ primaryId }) => primaryId === primary.id)?.id);
  }

  async slotOf(channel: string): Promise<number> {
    return Number(await this.#someone().ask("CLUSTER", "KEYSLOT", channel));
  }

  /** The node that serves the slot; a dead one until somebody has taken over. */
  async ownerOf(slot: number): Promise<ClusterNode> {
    const members = await this.#someone().members();
    return this.#byId(members.find((member) => hasSlot(member, slot))?.id);
  }

  async slotsOf(node: ClusterNode): Promise<number[]> {
    const own = (await this.#someone().members()).find(({ id }) => id === node.id);
    return own === undefined ? [] : slotsOf(own);
  }

  /** Starts one more node, and introduces it to the others. */
  async add(): Promise<ClusterNode> {
    const node = await ClusterNode.create(this.nodes.length + 1, this.#program, this.#directory);
    await node.meet(this.nodes);
    this.nodes.push(node);
    await this.settled();
    return node;
  }

  /** Until all nodes live, are linked with one another, and hold the same for true. */
  async settled(): Promise<void> {
    await need("all nodes agree", async () => {
      const views = await Promise.all(this.nodes.map((node) => node.members()));
      const healthy = views.flat().every((member) => member.healthy) && views.every((it) => it.length === views.length);
      if (!healthy || new Set(views.map(picture)).size > 1) return false;
      const infos = await Promise.all(this.nodes.map((node) => node.ask("CLUSTER", "INFO")));
      return infos.every((info) => String(info).includes("cluster_state:ok"));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    this.#forget();
    this.#remove();
  }

  async #found(): Promise<void> {
    for (let number = 1; number <= 2 * PRIMARIES; number++) {
      this.nodes.push(await ClusterNode.create(number, this.#program, this.#directory));
    }
    const [primaries, replicas] = [this.nodes.slice(0, PRIMARIES), this.nodes.slice(PRIMARIES)];
    for (const [index, node] of primaries.entries()) {
      const [first, next] = [share(index), share(index + 1)];
      await node.ask("CLUSTER", "ADDSLOTSRANGE", first, next - 1);
    }
    for (const [index, node] of this.nodes.entries()) await node.ask("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    for (const [index, node] of this.nodes.entries()) await node.meet(this.nodes.slice(0, index));
    await this.settled();
    await Promise.all(
      replicas.map(async (replica, index) => {
        await replica.becomeReplicaOf(this.nodes[index] as ClusterNode);
        await replica.synchronized();
      }),
    );
    await this.settled();
  }

  #someone(): ClusterNode {
    const [node] = this.living;
    if (node === undefined) throw new Error("no node lives");
    return node;
  }

  #byId(wanted: string | undefined): ClusterNode {
    const node = this.nodes.find(({ id }) => id === wanted);
    if (node === undefined) throw new Error("The cluster knows no such node.");
    return node;
  }

  #remove(): void {
    // A server that was killed a moment ago may not be gone yet.
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function share(index: number): number {
  return Math.round((index * SLOTS) / PRIMARIES);
}
