import type { ClusterNode } from "../../cluster/layout.ts";
import { Deferred } from "../../core/deferred.ts";
import type { Argument } from "../../resp/encoder.ts";
import type { Reply } from "../../resp/reply.ts";
import { Unsent } from "../command-link.ts";
import type { Nodes } from "./nodes.ts";
import { isRefusal, type Refusal, type Router } from "./router.ts";

/** A message that waits for its turn. */
interface QueuedMessage {
  /** Its place among all messages. */
  readonly order: number;
  readonly args: readonly Argument[];
  readonly refused: Refusal | null;
  /** When it was published: `performance.now()` time. */
  readonly since: number;
  readonly deferred: Deferred<Reply>;
}

/** The messages of one slot. */
interface SlotQueue {
  /** Sent to the slot's node, without an answer yet. */
  outstanding: number;
  /** That node's address. */
  node: string | null;
  /** Refused by a node that gave the slot up; they go first. */
  readonly refused: QueuedMessage[];
  /** Published since. */
  readonly later: QueuedMessage[];
  /** Whether refused messages are on their way. */
  resending: boolean;
}

/**
 * Publishing in order. Messages of a slot are pipelined to its node. When the slot moves, those for shard channels may be
 * refused and have to be sent again; what is published meanwhile waits behind them, and behind what another node has not
 * answered yet, so that none overtakes another.
 */
export class SlotQueues {
  readonly #router: Router;
  readonly #nodes: Nodes;
  readonly #queues: Map<number, SlotQueue> = new Map();
  #order = 0;

  constructor(router: Router, nodes: Nodes) {
    this.#router = router;
    this.#nodes = nodes;
  }

  send(slot: number, args: readonly Argument[]): Promise<Reply> {
    const queue = this.#queue(slot);
    const node = this.#router.nodeFor(slot) ?? (isClassic(args) ? this.#router.living(queue.node) : null);
    const elsewhere = queue.outstanding > 0 && queue.node !== node?.address;
    const first = queue.refused.length === 0 && queue.later.length === 0;
    if (queue.resending || !first || elsewhere) return wait(queue.later, ++this.#order, args, performance.now());
    if (node !== null) return this.#sent(slot, queue, node, args);
    const reply = wait(queue.refused, ++this.#order, args, performance.now());
    void this.#resend(slot, queue);
    return reply;
  }

  async #sent(slot: number, queue: SlotQueue, node: ClusterNode, args: readonly Argument[]): Promise<Reply> {
    const order = ++this.#order;
    const since = performance.now();
    queue.outstanding++;
    queue.node = node.address;
    try {
      return await (this.#nodes.ready(node.address) ?? this.#nodes.link(node)).command(args, true, since, true);
    } catch (error) {
      if (isRefusal(error)) return wait(queue.refused, order, args, since, { error, node });
      if (error instanceof Unsent) return wait(queue.refused, order, args, since);
      throw error;
    } finally {
      queue.outstanding--;
      if (queue.outstanding === 0 && queue.refused.length + queue.later.length > 0) void this.#resend(slot, queue);
    }
  }

  /** Sends what was refused, one after the other; then, all at once, what came after it. */
  async #resend(slot: number, queue: SlotQueue): Promise<void> {
    queue.resending = true;
    // Refusals of one moment arrive in any order: some messages waited for a connection, others did not.
    queue.refused.sort((a, b) => a.order - b.order);
    for (let next = queue.refused.shift(); next !== undefined; next = queue.refused.shift()) {
      const { args, deferred, refused, since } = next;
      const place = isClassic(args) && this.#router.nodeFor(slot) === null ? null : slot;
      await this.#router.run(args, place, { refused, since }).then(deferred.resolve, deferred.reject);
    }
    queue.resending = false;
    for (const { args, deferred } of queue.later.splice(0)) deferred.resolve(this.send(slot, args));
  }

  #queue(slot: number): SlotQueue {
    let queue = this.#queues.get(slot);
    if (queue === undefined) {
      queue = { outstanding: 0, node: null, refused: [], later: [], resending: false };
      this.#queues.set(slot, queue);
    }
    return queue;
  }
}

/** No node refuses a classic message, whatever its slot: where no node owns that, it stays with the node it had. */
function isClassic(args: readonly Argument[]): boolean {
  return args[0] === "PUBLISH";
}

function wait(
  queue: QueuedMessage[],
  order: number,
  args: readonly Argument[],
  since: number,
  refused: Refusal | null = null,
): Promise<Reply> {
  const deferred = new Deferred<Reply>();
  queue.push({ order, args, since, refused, deferred });
  return deferred.promise;
}
