import type { Nodes } from "../../../../src/client/cluster/nodes.ts";
import type { CommandLink } from "../../../../src/client/command-link.ts";
import { addressOf, type ClusterNode, Layout, type Shard } from "../../../../src/cluster/layout.ts";
import type { HostPort } from "../../../../src/cluster/replies.ts";
import type { Topology } from "../../../../src/cluster/topology.ts";
import type { Argument } from "../../../../src/resp/encoder.ts";
import type { Reply } from "../../../../src/resp/reply.ts";

/** A node at this port of host "h". */
export function nodeAt(port: number, given: Partial<ClusterNode> = {}): ClusterNode {
  return { address: `h:${port}`, host: "h", port, role: "primary", failed: false, ...given };
}

/** A shard of these nodes with the slots from `first` to `last`. */
export function shardOf(first: number, last: number, ...nodes: ClusterNode[]): Shard {
  return { nodes, slots: [[first, last]] };
}

/** Slots 0 to 99 at port 1, 100 to 199 at port 2; no node has the others. */
export function twoShards(): Layout {
  return new Layout([shardOf(0, 99, nodeAt(1)), shardOf(100, 199, nodeAt(2))]);
}

/** What is known of a cluster, in the hands of the test; notes what it is told. */
export class FakeTopology {
  layout: Layout | null;
  failure: unknown = null;
  refreshes = 0;
  readonly moves: [slot: number, owner: HostPort | null][] = [];
  readonly #waiting: ((layout: Layout) => void)[] = [];

  constructor(layout: Layout | null) {
    this.layout = layout;
  }

  get asTopology(): Topology {
    return this as unknown as Topology;
  }

  known(signal: AbortSignal): Promise<Layout> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }

  learn(layout: Layout): void {
    this.layout = layout;
    for (const resolve of this.#waiting.splice(0)) resolve(layout);
  }

  async refresh(): Promise<void> {
    this.refreshes++;
  }

  moved(slot: number, owner: HostPort | null): void {
    this.moves.push([slot, owner]);
    if (owner !== null && this.layout !== null) this.layout = this.layout.withOwner(slot, owner);
  }
}

/** A command that a node was sent. */
export interface Sent {
  readonly address: string;
  readonly command: string;
  readonly wantsText: boolean;
  readonly since: number | undefined;
  readonly movable: boolean;
}

/** How a node answers a command; the count is that of the commands sent to it before. */
export type Answer = (command: string, count: number) => Reply | Error | Promise<Reply | Error>;

/** Nodes that answer as the test says; notes what each is sent. */
export class FakeNodes {
  readonly sent: Sent[] = [];
  /** By address. */
  readonly answers: Map<string, Answer> = new Map();
  /** Addresses of nodes whose connection is ready. */
  readonly connected: Set<string> = new Set();
  /** Addresses of the links that were asked for, ready or not. */
  readonly linked: string[] = [];

  get asNodes(): Nodes {
    return this as unknown as Nodes;
  }

  /** Address and command of all that was sent. */
  get log(): string[] {
    return this.sent.map(({ address, command }) => `${address} ${command}`);
  }

  ready(address: string): CommandLink | null {
    return this.connected.has(address) ? this.#linkOf(address) : null;
  }

  link({ host, port }: HostPort): CommandLink {
    const address = addressOf(host, port);
    this.linked.push(address);
    return this.#linkOf(address);
  }

  #linkOf(address: string): CommandLink {
    const command = async (
      args: readonly Argument[],
      wantsText = true,
      since?: number,
      movable = false,
    ): Promise<Reply> => {
      const count = this.sent.filter((one) => one.address === address).length;
      const text = args.join(" ");
      this.sent.push({ address, command: text, wantsText, since, movable });
      const answer = await (this.answers.get(address)?.(text, count) ?? "OK");
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return { command } as unknown as CommandLink;
  }
}
