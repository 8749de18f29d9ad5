import { setTimeout as delay } from "node:timers/promises";
import { isTerminal } from "../connection/handshake.ts";
import { onAbort } from "../core/abort.ts";
import { ClusterError, ServerError } from "../errors.ts";
import type { Reply } from "../resp/reply.ts";
import { addressOf, type Layout } from "./layout.ts";
import { type Health, type HostPort, type Reading, readHealth, readShards, readSlots } from "./replies.ts";

/** A node that can be asked. */
export interface Line {
  command(args: readonly string[]): Promise<Reply>;
  /** Nothing more will be asked. */
  end(): void;
}

/** What a node said of its cluster. */
export interface Discovered {
  readonly layout: Layout;
  /** How the node stands: unless it is well, what it says may be old. */
  readonly health: Health;
}

/** How nodes are asked. */
export interface DiscoveryOptions extends Omit<Reading, "host"> {
  /** Over a connection that is there, or a new one. Rejects with why there is none. */
  readonly line: (node: HostPort, signal: AbortSignal) => Promise<Line>;
}

/** How long a node may think before the next one is asked too; milliseconds. */
const HEAD_START = 300;
/** How long better news are waited for once a node that is not well has answered; milliseconds. */
const SECOND_OPINION = 1000;

/**
 * Asks nodes in turn what the cluster looks like, until one answers that is well; others are believed only where none
 * is. Rejects with one error that names every node and why it did not answer.
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
  let doubtful: Discovered | null = null;

  const inquire = async (node: HostPort): Promise<void> => {
    try {
      const found = await question(node, options, done.signal);
      if (worth(found) === BEST) good ??= found;
      else if (doubtful === null || worth(found) > worth(doubtful)) doubtful = found;
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
      signal.throwIfAborted();
      if (good !== null) return good;
    }
    while (running.size > 0 && good === null) {
      const patience = doubtful === null ? [] : [pause(SECOND_OPINION).then(() => running.clear())];
      await Promise.race([...running, ...patience]);
      signal.throwIfAborted();
    }
  } finally {
    abort[Symbol.dispose]();
    done.abort();
  }
  const found = good ?? doubtful;
  if (found !== null) return found;
  throw unreachable(failures);
}

async function question(node: HostPort, options: DiscoveryOptions, signal: AbortSignal): Promise<Discovered> {
  const about: Reading = { host: node.host, tls: options.tls, translate: options.translate };
  const line = await options.line(node, signal);
  let ended = false;
  const end = (): void => {
    if (!ended) line.end();
    ended = true;
  };
  const abort = onAbort(signal, end);
  try {
    const [info, shards] = await Promise.allSettled([
      line.command(["CLUSTER", "INFO"]),
      line.command(["CLUSTER", "SHARDS"]),
    ]);
    const health = info.status === "fulfilled" ? readHealth(info.value) : "ok";
    if (shards.status === "fulfilled") return { layout: readShards(shards.value, about), health };
    if (!(shards.reason instanceof ServerError)) throw shards.reason;
    // Before 7.0 there is no CLUSTER SHARDS.
    return { layout: readSlots(await line.command(["CLUSTER", "SLOTS"]), about), health };
  } finally {
    abort[Symbol.dispose]();
    end();
  }
}

const BEST = 3;

/** What a node's word is worth. */
function worth({ layout, health }: Discovered): number {
  if (!covers(layout)) return 0;
  return health === "ok" ? BEST : health === "down" ? 2 : 1;
}

/** Whether anybody serves anything: a node that was reset knows of none. */
function covers({ shards }: Layout): boolean {
  return shards.some(({ slots }) => slots.length > 0);
}

function unreachable(failures: readonly { readonly node: HostPort; readonly error: unknown }[]): Error {
  const errors = failures.map(({ error }) => error);
  const [refusal] = errors;
  // A login that all refuse is told as the server tells it.
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
