import { earlier, type Moment } from "../../core/moment.ts";
import type { GapCause } from "../model/gap.ts";
import type { Entry } from "./entry.ts";

/** What is known of an interrupted subscription. */
export interface Interruption {
  readonly cause: GapCause;
  /** All that the server took before has been read. */
  readonly since: Moment;
}

/** Entries that were without their subscription. */
export interface Missed extends Interruption {
  readonly entries: readonly Entry[];
}

/**
 * Subscriptions that were interrupted and are not restored yet: all those of a lost connection, or single ones that
 * their node gave up. A loss that comes on top of another changes nothing: the window is open already.
 */
export class Losses {
  /** By the epoch of the lost connection, which confirmed the entry. */
  readonly #connections: Map<number, Interruption> = new Map();
  readonly #entries: Map<Entry, Interruption> = new Map();

  /** A connection is lost, with all that it had confirmed. */
  connection(epoch: number, interruption: Interruption): void {
    this.#connections.set(epoch, interruption);
  }

  /** One subscription is lost; false where it was none, or is lost already. */
  entry(entry: Entry, interruption: Interruption): boolean {
    if (entry.confirmed === 0 || this.#of(entry) !== undefined) return false;
    this.#entries.set(entry, interruption);
    return true;
  }

  /** An entry begins where one that was lost has ended. */
  expect(entry: Entry, interruption: Interruption): void {
    this.#entries.set(entry, interruption);
  }

  /** These are subscribed again: what they may have missed, one for each cause. */
  end(entries: readonly Entry[]): Missed[] {
    const missed = this.of(entries);
    if (this.#entries.size > 0) for (const entry of entries) this.#entries.delete(entry);
    return missed;
  }

  /** What these may have missed so far. */
  of(entries: readonly Entry[]): Missed[] {
    if (this.#connections.size === 0 && this.#entries.size === 0) return [];
    const byCause = new Map<GapCause, { cause: GapCause; since: Moment; entries: Entry[] }>();
    for (const entry of entries) {
      const interruption = this.#of(entry);
      if (interruption === undefined) continue;
      const { cause, since } = interruption;
      const missed = byCause.get(cause);
      if (missed === undefined) byCause.set(cause, { cause, since, entries: [entry] });
      else {
        missed.since = earlier(missed.since, since);
        missed.entries.push(entry);
      }
    }
    return [...byCause.values()];
  }

  forget(entry: Entry): void {
    this.#entries.delete(entry);
  }

  /** All is restored but for these: what no entry needs any more is forgotten. */
  settled(awaited: Iterable<Entry>): void {
    const epochs = new Set(Array.from(awaited, (entry) => entry.confirmed));
    for (const epoch of this.#connections.keys()) if (!epochs.has(epoch)) this.#connections.delete(epoch);
  }

  #of(entry: Entry): Interruption | undefined {
    return this.#entries.get(entry) ?? this.#connections.get(entry.confirmed);
  }
}
