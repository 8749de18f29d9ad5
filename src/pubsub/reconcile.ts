import type { Entry, Kind } from "./entry.ts";

/** The commands of Pub/Sub. */
export type Verb = "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE" | "SUNSUBSCRIBE";

/** One command to send: a verb and at most {@link BATCH} names. */
export interface Step {
  readonly verb: Verb;
  readonly entries: readonly Entry[];
}

/** Names in one command: enough that 100,000 need few commands, few enough that a denied one is soon found. */
const BATCH = 1000;

const verbs: Readonly<Record<Kind, { readonly subscribe: Verb; readonly unsubscribe: Verb }>> = {
  channel: { subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE" },
  pattern: { subscribe: "PSUBSCRIBE", unsubscribe: "PUNSUBSCRIBE" },
  shard: { subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE" },
};

/**
 * What to tell the server so that what it has becomes what is wanted: a subscribe for each wanted entry that this
 * connection was not asked for (for each wanted one with `reassert`), an unsubscribe for each unwanted one that it was.
 * First subscribe, unsubscribe, reconnect: all come through here. Pure.
 */
export function reconcile(entries: Iterable<Entry>, reassert = false): Step[] {
  const byVerb = new Map<Verb, Entry[]>();
  for (const entry of entries) {
    const verb = verbFor(entry, reassert);
    if (verb === null) continue;
    const same = byVerb.get(verb);
    if (same === undefined) byVerb.set(verb, [entry]);
    else same.push(entry);
  }
  const steps: Step[] = [];
  for (const [verb, all] of byVerb) {
    for (let at = 0; at < all.length; at += BATCH) steps.push({ verb, entries: all.slice(at, at + BATCH) });
  }
  return steps;
}

function verbFor(entry: Entry, reassert: boolean): Verb | null {
  const { subscribe, unsubscribe } = verbs[entry.kind];
  if (entry.wanted) return reassert || !entry.asked ? subscribe : null;
  return entry.asked ? unsubscribe : null;
}
