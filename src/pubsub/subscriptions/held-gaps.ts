import { earlier } from "../../core/moment.ts";
import type { Entry } from "./entry.ts";
import type { Missed } from "./losses.ts";
import { BATCH, type Verb } from "./reconcile.ts";

/** Where gaps and confirmations go. */
export interface NoticeReceiver {
  missed(missed: Missed): void;
  confirmed(verb: Verb, entry: Entry, count: number): void;
}

interface HeldConfirmation {
  readonly verb: Verb;
  readonly entry: Entry;
  readonly count: number;
}

/**
 * What one link tells while gaps of one loss are gathered. A gap comes before the confirmations of its names and before
 * any later message; shard channels need a command for each slot, so 20,000 of them would tell a gap for nearly each. So
 * both are held back until the rest of what was read is decoded, a message comes, or there are {@link BATCH} names.
 */
export class HeldGaps {
  readonly #missed: Missed[] = [];
  readonly #confirmations: HeldConfirmation[] = [];
  #names = 0;

  /** Whether so many names more are within the most that one gap may have. */
  fits(names: number): boolean {
    return this.#names === 0 || this.#names + names <= BATCH;
  }

  add(missed: Missed): void {
    this.#names += missed.entries.length;
    const at = this.#missed.findIndex((one) => isOfOneLoss(one, missed));
    const known = this.#missed[at];
    if (known === undefined) this.#missed.push(missed);
    else {
      const entries = [...known.entries, ...missed.entries];
      this.#missed[at] = { cause: known.cause, since: earlier(known.since, missed.since), entries };
    }
  }

  hold(confirmation: HeldConfirmation): void {
    this.#confirmations.push(confirmation);
  }

  /** Tells all of it. */
  release(receiver: NoticeReceiver): void {
    for (const missed of this.#missed) receiver.missed(missed);
    for (const { verb, entry, count } of this.#confirmations) receiver.confirmed(verb, entry, count);
  }
}

/** An audit finds the names one by one that a server has dropped at once. */
function isOfOneLoss(one: Missed, other: Missed): boolean {
  return one.cause === other.cause && (one.since === other.since || one.cause === "stale");
}
