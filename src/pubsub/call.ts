import { Deferred } from "../core/deferred.ts";
import { Watchdog } from "../core/watchdog.ts";

/**
 * A `subscribe` or `unsubscribe` of the user that waits for its confirmations. It is bounded by silence: each
 * confirmation of one of its names starts its time anew. `E` is what a name is entered as.
 */
export class Call<E> {
  /** Its place in the order in which calls and commands were issued. */
  readonly order: number;
  readonly entries: readonly E[];
  /** What takes back the handlers that it replaced, for the case that it fails. */
  readonly undo: (() => void)[] = [];
  /** Milliseconds of silence after which it is late, on a connection that is ready. */
  readonly timeout: number;
  readonly #left: Set<E>;
  readonly #deferred: Deferred<void> = new Deferred();
  readonly #watchdog: Watchdog;
  #bound: number | null = null;
  #since = 0;
  #settled = false;

  constructor(order: number, entries: readonly E[], timeout: number, late: (bound: number) => void) {
    this.order = order;
    this.entries = entries;
    this.timeout = timeout;
    this.#left = new Set(entries);
    this.#watchdog = new Watchdog(
      () => (this.#bound === null || this.#settled ? null : this.#since + this.#bound),
      () => late(this.#bound ?? 0),
    );
  }

  get promise(): Promise<void> {
    return this.#deferred.promise;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The names not confirmed yet. */
  get left(): ReadonlySet<E> {
    return this.#left;
  }

  /** Starts its time: so many milliseconds of silence from now. */
  allow(bound: number): void {
    this.#bound = bound;
    this.#since = performance.now();
    this.#watchdog.arm();
  }

  /** Counts a confirmation. */
  confirm(entry: E): void {
    if (this.#left.delete(entry)) this.#since = performance.now();
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
    this.#watchdog.stop();
  }
}
