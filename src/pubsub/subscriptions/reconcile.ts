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

/** A step that may take more names. */
interface OpenStep extends Step {
  readonly slot: number;
  readonly entries: Entry[];
  bytes: number;
}

/** Names in one command: enough that 100,000 need few commands, few enough that a denied one is soon found. */
export const BATCH = 1000;
/** Names are entered, sent and established so many in one turn of the event loop. */
export const SLICE: number = 2 * BATCH;
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
 * First subscribe, unsubscribe, reconnect: all come through here. A step is given as soon as it is full, or the next entry
 * does not fit it: shard channels of one slot come together. No entry must come twice.
 */
export function* reconcile(entries: Iterable<Entry>, reassert = false): Generator<Step, void> {
  let step: OpenStep | null = null;
  for (const entry of entries) {
    let verb = verbFor(entry, reassert);
    if (verb === null) continue;
    if (step !== null && !fits(step, verb, entry)) {
      yield step;
      step = null;
      // Time may have passed meanwhile.
      verb = verbFor(entry, reassert);
      if (verb === null) continue;
    }
    step ??= { verb, slot: entry.slot, entries: [], bytes: 0 };
    step.entries.push(entry);
    step.bytes += entry.key.length;
  }
  if (step !== null) yield step;
}

function fits({ verb, slot, entries, bytes }: OpenStep, next: Verb, entry: Entry): boolean {
  return verb === next && slot === entry.slot && entries.length < BATCH && bytes < LARGE;
}

/** The same entries, shard channels of one slot behind one another. */
export function inSlotOrder(entries: readonly Entry[]): readonly Entry[] {
  if (entries.length < 3 || !entries.some(({ kind }) => kind === "shard")) return entries;
  const bySlot = new Map<number, Entry[]>();
  for (const entry of entries) {
    const there = bySlot.get(entry.slot);
    if (there === undefined) bySlot.set(entry.slot, [entry]);
    else there.push(entry);
  }
  return [...bySlot.values()].flat();
}

function verbFor(entry: Entry, reassert: boolean): Verb | null {
  const { subscribe, unsubscribe } = verbs[entry.kind];
  if (entry.wanted) return reassert || !entry.asked ? subscribe : null;
  return entry.asked ? unsubscribe : null;
}
