import { slotOf } from "../../cluster/slot.ts";
import type { Entry, Kind } from "./entry.ts";

/** The commands of Pub/Sub. */
export type Verb = "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE" | "SUNSUBSCRIBE";

/** One command to send: a verb and at most {@link BATCH} names, or fewer large ones. */
export interface Step {
  readonly verb: Verb;
  readonly entries: readonly Entry[];
  /** Sent without names, which stands for all that the connection has. Default false. */
  readonly bare?: boolean;
}

/** Names in one command: enough that 100,000 need few commands, few enough that a denied one is soon found. */
export const BATCH = 1000;
/** Bytes of names after which a command takes no more: its text has a largest size. */
const LARGE = 16 * 1024 * 1024;

export const verbs: Readonly<Record<Kind, { readonly subscribe: Verb; readonly unsubscribe: Verb }>> = {
  channel: { subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE" },
  pattern: { subscribe: "PSUBSCRIBE", unsubscribe: "PUNSUBSCRIBE" },
  shard: { subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE" },
};

/**
 * What to tell the server so that what it has becomes what is wanted: a subscribe for each wanted entry that this
 * connection was not asked for (for each wanted one with `reassert`), an unsubscribe for each unwanted one that it was.
 * First subscribe, unsubscribe, reconnect: all come through here. A step is given as soon as it is full, so that it can be
 * on its way while the next is made; no entry must come twice.
 */
export function* reconcile(entries: Iterable<Entry>, reassert = false): Generator<Step, void> {
  const groups = new Map<string, { readonly verb: Verb; readonly entries: Entry[]; bytes: number }>();
  for (const entry of entries) {
    const verb = verbFor(entry, reassert);
    if (verb === null) continue;
    // A command about shard channels names channels of one slot.
    const group = entry.kind === "shard" ? `${verb} ${slotOf(entry.key)}` : verb;
    let step = groups.get(group);
    if (step === undefined) {
      step = { verb, entries: [], bytes: 0 };
      groups.set(group, step);
    }
    step.entries.push(entry);
    step.bytes += entry.key.length;
    if (step.entries.length < BATCH && step.bytes < LARGE) continue;
    groups.delete(group);
    yield step;
  }
  yield* groups.values();
}

function verbFor(entry: Entry, reassert: boolean): Verb | null {
  const { subscribe, unsubscribe } = verbs[entry.kind];
  if (entry.wanted) return reassert || !entry.asked ? subscribe : null;
  return entry.asked ? unsubscribe : null;
}
