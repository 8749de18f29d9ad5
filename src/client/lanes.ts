import type { ClusterNode } from "../cluster/layout.ts";
import { Deferred } from "../core/deferred.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { Unsent } from "./command-link.ts";
import type { Nodes } from "./nodes.ts";
import { isRefusal, type Refusal, type Router } from "./router.ts";

/** A message that waits for its turn. */
interface Waiting {
  /** Its place among all messages. */
  readonly order: number;
  readonly args: readonly Argument[];
  readonly refused: Refusal | null;
  /** When it was published: `performance.now()` time. */
  readonly since: number;
  readonly deferred: Deferred<Reply>;
}

/** The messages of one slot. */
interface Lane {
  /** Sent to the slot's node, without an answer yet. */
  outstanding: number;
  /** That node's address. */
  node: string | null;
  /** Refused by a node that gave the slot up; they go first. */
  readonly refused: Waiting[];
  /** Published since. */
  readonly later: Waiting[];
  /** Whether refused messages are on their way. */
  detour: boolean;
}

/**
 * Publishing in order. Messages of a slot are pipelined to its node. When the slot moves, those for shard channels may be
 * refused and have to be sent again; what is published meanwhile waits behind them, and behind what another node has not
 * answered yet, so that none overtakes another.
 */
export class Lanes {
  readonly #router: Router;
  readonly #nodes: Nodes;
  readonly #lanes: Map<number, Lane> = new Map();
  #order = 0;

  constructor(router: Router, nodes: Nodes) {
    this.#router = router;
    this.#nodes = nodes;
  }

  send(slot: number, args: readonly Argument[]): Promise<Reply> {
    const lane = this.#lane(slot);
    const node = this.#router.nodeFor(slot) ?? (isClassic(args) ? this.#router.living(lane.node) : null);
    const elsewhere = lane.outstanding > 0 && lane.node !== node?.address;
    const first = lane.refused.length === 0 && lane.later.length === 0;
    if (lane.detour || !first || elsewhere) return wait(lane.later, ++this.#order, args, performance.now());
    if (node !== null) return this.#sent(slot, lane, node, args);
    const reply = wait(lane.refused, ++this.#order, args, performance.now());
    void this.#detour(slot, lane);
    return reply;
  }

  async #sent(slot: number, lane: Lane, node: ClusterNode, args: readonly Argument[]): Promise<Reply> {
    const order = ++this.#order;
    const since = performance.now();
    lane.outstanding++;
    lane.node = node.address;
    try {
      return await (this.#nodes.ready(node.address) ?? this.#nodes.link(node)).command(args, true, since, true);
    } catch (error) {
      if (isRefusal(error)) return wait(lane.refused, order, args, since, { error, node });
      if (error instanceof Unsent) return wait(lane.refused, order, args, since);
      throw error;
    } finally {
      lane.outstanding--;
      if (lane.outstanding === 0 && lane.refused.length + lane.later.length > 0) void this.#detour(slot, lane);
    }
  }

  /** Sends what was refused, one after the other; then, all at once, what came after it. */
  async #detour(slot: number, lane: Lane): Promise<void> {
    lane.detour = true;
    // Refusals of one moment are told in any order: some messages waited for a connection, others did not.
    lane.refused.sort((a, b) => a.order - b.order);
    for (let next = lane.refused.shift(); next !== undefined; next = lane.refused.shift()) {
      const { args, deferred, refused, since } = next;
      const place = isClassic(args) && this.#router.nodeFor(slot) === null ? null : slot;
      await this.#router.run(args, place, { refused, since }).then(deferred.resolve, deferred.reject);
    }
    lane.detour = false;
    for (const { args, deferred } of lane.later.splice(0)) deferred.resolve(this.send(slot, args));
  }

  #lane(slot: number): Lane {
    let lane = this.#lanes.get(slot);
    if (lane === undefined) {
      lane = { outstanding: 0, node: null, refused: [], later: [], detour: false };
      this.#lanes.set(slot, lane);
    }
    return lane;
  }
}

/** No node refuses a classic message, whatever its slot: where nobody owns that, it stays with the node it had. */
function isClassic(args: readonly Argument[]): boolean {
  return args[0] === "PUBLISH";
}

function wait(
  queue: Waiting[],
  order: number,
  args: readonly Argument[],
  since: number,
  refused: Refusal | null = null,
): Promise<Reply> {
  const deferred = new Deferred<Reply>();
  queue.push({ order, args, since, refused, deferred });
  return deferred.promise;
}
