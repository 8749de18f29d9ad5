import { Deferred } from "../../core/deferred.ts";
import { currentMoment } from "../../core/moment.ts";
import { Watchdog } from "../../core/watchdog.ts";

/** Whether the connection that a call waits on is up. */
export type Phase = "ready" | "away";

/** Milliseconds that a call may wait without progress, in each phase. */
export type Bounds = Readonly<Record<Phase, number>>;

/**
 * A `subscribe` or `unsubscribe` of the user that waits for its confirmations. It is bounded by silence: so long on
 * connections that are ready, so long without one, whatever comes and goes; each confirmation of one of its names
 * starts its time anew. `E` is what a name is entered as, `S` where its messages go.
 */
export class Call<E, S> {
  /** Its place in the order in which calls and commands were issued. */
  readonly order: number;
  /** What it is about; while it is made, names are added. */
  readonly entries: E[];
  /** Where messages would go without it, for the case that it fails. */
  readonly replaced: Map<E, S> = new Map();
  /** Commands sent for it that have no answer yet. */
  commands = 0;
  readonly #bounds: Bounds;
  readonly #late: (bound: number) => void;
  /** Servers confirm in the order in which they were asked: then what is not confirmed are the entries from here on... */
  #next = 0;
  /** ...and from the first other confirmation on these. */
  #left: Set<E> | null = null;
  readonly #deferred: Deferred<void> = new Deferred();
  readonly #watchdog: Watchdog;
  /** What is left of the bounds. */
  readonly #budget: Record<Phase, number>;
  /** `null`: its time does not run yet. */
  #phase: Phase | null = null;
  #since = 0;
  #settled = false;

  constructor(order: number, entries: E[], bounds: Bounds, late: (bound: number) => void) {
    this.order = order;
    this.entries = entries;
    this.#bounds = bounds;
    this.#budget = { ...bounds };
    this.#late = late;
    this.#watchdog = new Watchdog(
      () => (this.#phase === null || this.#settled ? null : this.#since + this.#budget[this.#phase]),
      () => this.#expire(),
    );
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
    return this.#left === null ? this.#next === this.entries.length : this.#left.size === 0;
  }

  /** Its time runs on, or begins to: the connection is up now, or gone. */
  enter(phase: Phase): void {
    const now = performance.now();
    if (this.#phase !== null) this.#budget[this.#phase] -= now - this.#since;
    if (this.#phase !== null && this.#budget[this.#phase] < 1) {
      this.#expire();
      return;
    }
    this.#phase = phase;
    this.#since = now;
    this.#watchdog.arm();
  }

  /** Counts a confirmation. */
  confirm(entry: E): void {
    if (this.#left === null && this.entries[this.#next] === entry) this.#next++;
    else {
      this.#left ??= new Set(this.entries.slice(this.#next));
      if (!this.#left.delete(entry)) return;
    }
    this.#since = currentMoment().monotonic;
    this.#budget.ready = this.#bounds.ready;
    this.#budget.away = this.#bounds.away;
  }

  resolve(): void {
    this.#settle();
    this.#deferred.resolve();
  }

  reject(error: unknown): void {
    this.#settle();
    this.#deferred.reject(error);
  }

  #expire(): void {
    if (this.#phase !== null && !this.#settled) this.#late(this.#bounds[this.#phase]);
  }

  #settle(): void {
    this.#settled = true;
    this.#watchdog.stop();
  }
}
