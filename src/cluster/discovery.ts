import { setTimeout as delay } from "node:timers/promises";
import { isTerminal } from "../connection/refusals.ts";
import { onAbort, throwIfAborted } from "../core/abort.ts";
import { ClusterError, ProtocolError, ServerError } from "../errors.ts";
import type { Reply } from "../resp/reply.ts";
import { addressOf, type Layout } from "./layout.ts";
import {
  type ClusterView,
  type Health,
  type HostPort,
  readAssigned,
  readHealth,
  readShards,
  readSlots,
} from "./replies.ts";
import { SLOTS } from "./slot.ts";

/** A node that can be asked. */
export interface NodeConnection {
  command(args: readonly string[]): Promise<Reply>;
  /** Nothing more will be asked. */
  end(): void;
}

/** What a node said of its cluster. */
export interface Discovered {
  readonly layout: Layout;
  /** How the node stands: unless it is well, what it says may be old. */
  readonly health: Health;
  /** How many slots have a shard that is known. */
  readonly covered: number;
  /** Whether those are all the slots that have an owner. */
  readonly complete: boolean;
}

/** How nodes are asked. */
export interface DiscoveryOptions extends Omit<ClusterView, "host"> {
  /** Over a connection that is there, or a new one. Rejects with why there is none. */
  readonly line: (node: HostPort, signal: AbortSignal) => Promise<NodeConnection>;
}

/** How long a node may think before the next one is asked too; milliseconds. */
const HEAD_START = 300;
/** How long better news are waited for once a node that is not well has answered; milliseconds. */
const SECOND_OPINION = 1000;

/**
 * Asks nodes in turn what the cluster looks like, until one answers that is well and knows of all slots; others are
 * believed only where none does, and a node that knows of no slots never is. Rejects with one error that names every node
 * and why its answer is of no use.
 */
export async function discover(
  nodes: readonly HostPort[],
  options: DiscoveryOptions,
  signal: AbortSignal,
): Promise<Discovered> {
  const done = new AbortController();
  const abort = onAbort(signal, () => done.abort());
  const failures: { readonly node: HostPort; readonly error: unknown }[] = [];
  const running = new Set<Promise<void>>();
  let good: Discovered | null = null;
  let unclean: Discovered | null = null;

  const inquire = async (node: HostPort): Promise<void> => {
    try {
      const found = await question(node, options, done.signal);
      if (found.covered === 0) throw new ClusterError(NOTHING);
      if (worth(found) === BEST) good ??= found;
      else if (unclean === null || isBetter(found, unclean)) unclean = found;
    } catch (error) {
      failures.push({ node, error });
    }
  };
  const pause = (milliseconds: number) => delay(milliseconds, undefined, { signal: done.signal }).catch(() => {});

  try {
    for (const node of nodes) {
      const inquiry: Promise<void> = inquire(node).then(() => void running.delete(inquiry));
      running.add(inquiry);
      await Promise.race([inquiry, pause(HEAD_START)]);
      throwIfAborted(signal);
      if (good !== null) return good;
    }
    while (running.size > 0 && good === null) {
      const timeouts = unclean === null ? [] : [pause(SECOND_OPINION).then(() => running.clear())];
      await Promise.race([...running, ...timeouts]);
      throwIfAborted(signal);
    }
  } finally {
    abort[Symbol.dispose]();
    done.abort();
  }
  const found = good ?? unclean;
  if (found !== null) return found;
  throw unreachable(failures);
}

async function question(node: HostPort, options: DiscoveryOptions, signal: AbortSignal): Promise<Discovered> {
  const about: ClusterView = { host: node.host, tls: options.tls, translate: options.translate };
  const line = await options.line(node, signal);
  let ended = false;
  const end = (): void => {
    if (!ended) line.end();
    ended = true;
  };
  const abort = onAbort(signal, end);
  try {
    const slots = async (): Promise<Layout> => readSlots(await line.command(["CLUSTER", "SLOTS"]), about);
    const [info, shards] = await Promise.allSettled([
      line.command(["CLUSTER", "INFO"]),
      line.command(["CLUSTER", "SHARDS"]).then((reply) => readShards(reply, about)),
    ]);
    const said = info.status === "fulfilled" ? info.value : null;
    const assigned = readAssigned(said) ?? SLOTS;
    let layout: Layout;
    if (shards.status === "rejected") {
      if (!(shards.reason instanceof ServerError || shards.reason instanceof ProtocolError)) throw shards.reason;
      // Before 7.0 there is no CLUSTER SHARDS.
      layout = await slots();
    } else {
      layout = shards.value;
      // After a failover Redis 7.2 lists a shard without its slots; CLUSTER SLOTS is right.
      if (layout.covered < assigned) layout = layout.filledFrom(await slots().catch(() => shards.value));
    }
    const { covered } = layout;
    return { layout, health: readHealth(said), covered, complete: covered >= assigned };
  } finally {
    abort[Symbol.dispose]();
    end();
  }
}

const BEST = 3;

/** What a node's word is worth. */
function worth({ health, complete }: Discovered): number {
  if (health === "ok") return complete ? BEST : 2;
  return health === "down" ? 1 : 0;
}

function isBetter(found: Discovered, than: Discovered): boolean {
  return worth(found) > worth(than) || (worth(found) === worth(than) && found.covered > than.covered);
}

/** Why the answer of a node that was reset, or is in no cluster yet, is of no use. */
const NOTHING =
  "It knows of no node that serves slots. If the cluster is not created yet: redis-cli --cluster create, or CLUSTER ADDSLOTS.";

function unreachable(failures: readonly { readonly node: HostPort; readonly error: unknown }[]): Error {
  const errors = failures.map(({ error }) => error);
  const [refusal] = errors;
  // A login that all nodes refuse is reported with the server's own error.
  const isRefusal = (error: unknown) =>
    error instanceof ServerError && error.command !== "CLUSTER" && isTerminal(error);
  if (refusal instanceof ServerError && errors.every(isRefusal)) return refusal;
  const reasons = failures.map(({ node, error }) => `${addressOf(node.host, node.port)}: ${reasonOf(error)}`);
  return new ClusterError(`No node told what the cluster looks like. ${reasons.join(" ")}`, {
    cause: new AggregateError(errors),
  });
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/cluster support disabled/.test(message)) return "It is not a cluster; use Redis for a single server.";
  return /[.?!]$/.test(message) ? message : `${message}.`;
}
