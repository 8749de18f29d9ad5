import { Deferred } from "../../core/deferred.ts";
import type { CallTimer } from "./call-timer.ts";

/**
 * A `subscribe` or `unsubscribe` of the user that waits for its confirmations. `E` is what a name is entered as, `S` where
 * its messages go.
 */
export class Call<E, S> {
  /** Its place in the order in which calls and commands were issued. */
  readonly order: number;
  /** What it is about. */
  readonly entries: E[];
  /** Where messages would go without it, for the case that it fails. */
  readonly replaced: Map<E, S> = new Map();
  /** Whether names are still being added. */
  entering = false;
  /** Commands sent for it that have no answer yet. */
  commands = 0;
  /** What bounds it; `null` for one that has no time limit of its own. */
  timer: CallTimer | null = null;
  /** Servers confirm in the order in which they were asked: then what is not confirmed are the entries from here on... */
  #next = 0;
  /** ...and from the first other confirmation on these. */
  #left: Set<E> | null = null;
  readonly #deferred: Deferred<void> = new Deferred();
  #settled = false;

  constructor(order: number, entries: E[] = []) {
    this.order = order;
    this.entries = entries;
  }

  get promise(): Promise<void> {
    return this.#deferred.promise;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The names not confirmed yet. */
  get left(): readonly E[] {
    return this.#left === null ? this.entries.slice(this.#next) : [...this.#left];
  }

  /** Whether every name is confirmed. */
  get confirmed(): boolean {
    if (this.entering) return false;
    return this.#left === null ? this.#next === this.entries.length : this.#left.size === 0;
  }

  add(entry: E): void {
    this.entries.push(entry);
    this.#left?.add(entry);
  }

  /** Counts a confirmation. */
  confirm(entry: E): void {
    if (this.#left === null && this.entries[this.#next] === entry) this.#next++;
    else {
      this.#left ??= new Set(this.entries.slice(this.#next));
      if (!this.#left.delete(entry)) return;
    }
    this.timer?.restart();
  }

  resolve(): void {
    this.#settle();
    this.#deferred.resolve();
  }

  reject(error: unknown): void {
    this.#settle();
    this.#deferred.reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.timer?.stop();
  }
}
