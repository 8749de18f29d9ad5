import type { Published } from "./stamper.ts";

/** The times of a gap, in epoch milliseconds. */
export interface GapWindow {
  readonly from: number;
  readonly to: number;
}

/**
 * The limits that docs/reliability.md states, each with the slack that it needs, in milliseconds. A test in which a
 * message may lie outside a window for such a reason names the limit.
 */
const LIMITS = {
  /** A message is taken by one node and handed on to the subscriber's node over the bus. */
  "cluster bus": 250,
  /** A message is taken by a primary and handed on to its replicas over the bus. */
  "replica lag": 250,
  /** A replica that has restarted confirms a subscription before it is in touch with its primary. */
  "replica out of touch": Number.POSITIVE_INFINITY,
} as const;

export type WindowLimit = keyof typeof LIMITS;

/** How exact a window is in a test that names no limit, in milliseconds: two clocks are read, each to the millisecond. */
const EXACT = 5;

/** The slack of a test that stands for these limits, in milliseconds. */
export function slackOf(limits: readonly WindowLimit[] = []): number {
  return Math.max(EXACT, ...limits.map((limit) => LIMITS[limit]));
}

/**
 * By how many milliseconds a message misses a window; 0: the server may have taken it inside. The server took it after
 * it was sent and before it was acknowledged, so it misses when all that time lies before or behind the window.
 */
export function distance({ from, to }: GapWindow, { sentAt, acknowledgedAt }: Times): number {
  return Math.max(0, from - (acknowledgedAt ?? Number.POSITIVE_INFINITY), sentAt - to);
}

type Times = Pick<Published, "sentAt" | "acknowledgedAt">;
