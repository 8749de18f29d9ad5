import { currentMoment } from "../../core/moment.ts";
import { Watchdog } from "../../core/watchdog.ts";

/** Whether the connection that a call waits on is up. */
export type Phase = "ready" | "away";

/** Milliseconds that a call may wait without progress, in each phase. */
export type Bounds = Readonly<Record<Phase, number>>;

/**
 * Bounds a call by silence: so long on connections that are ready, so long without one, however often these change. Each
 * confirmation of one of its names restarts both.
 */
export class CallTimer {
  readonly #bounds: Bounds;
  readonly #expired: (bound: number) => void;
  readonly #watchdog: Watchdog;
  /** What is left of the bounds. */
  readonly #left: Record<Phase, number>;
  /** `null`: its time does not run yet, or no longer. */
  #phase: Phase | null = null;
  #since = 0;

  /** `expired` is called once with the bound that was exceeded. */
  constructor(bounds: Bounds, expired: (bound: number) => void) {
    this.#bounds = bounds;
    this.#left = { ...bounds };
    this.#expired = expired;
    this.#watchdog = new Watchdog(
      () => (this.#phase === null ? null : this.#since + this.#left[this.#phase]),
      () => this.#expire(),
    );
  }

  /** Its time runs on, or begins to: the connection is up now, or gone. */
  enter(phase: Phase): void {
    const now = performance.now();
    if (this.#phase !== null) this.#left[this.#phase] -= now - this.#since;
    if (this.#phase !== null && this.#left[this.#phase] < 1) {
      this.#expire();
      return;
    }
    this.#phase = phase;
    this.#since = now;
    this.#watchdog.arm();
  }

  /** There was progress. */
  restart(): void {
    this.#since = currentMoment().monotonic;
    this.#left.ready = this.#bounds.ready;
    this.#left.away = this.#bounds.away;
  }

  stop(): void {
    this.#phase = null;
    this.#watchdog.stop();
  }

  #expire(): void {
    if (this.#phase !== null) this.#expired(this.#bounds[this.#phase]);
  }
}
