import { afterReading } from "./turns.ts";

/**
 * One timer that guards a moving deadline. The owner says when the deadline is (`performance.now()` time, or `null` or
 * Infinity for none); moving it later costs nothing, because the timer looks again when it fires.
 *
 * It is judged after the event loop has read: a loop that was blocked first reads what has arrived, so that a busy process
 * never takes a living peer for dead.
 */
export class Watchdog {
  readonly #deadline: () => number | null;
  readonly #expired: () => void;
  #timer: NodeJS.Timeout | null = null;
  /** Calls the judgement off that is to come. */
  #judging: (() => void) | null = null;
  #due = 0;

  constructor(deadline: () => number | null, expired: () => void) {
    this.#deadline = deadline;
    this.#expired = expired;
  }

  /** To be called when a deadline came up, or moved nearer. */
  arm(): void {
    const deadline = this.#deadline();
    if (deadline === null || deadline === Number.POSITIVE_INFINITY || this.#judging !== null) return;
    if (this.#timer !== null) {
      if (this.#due <= deadline) return;
      clearTimeout(this.#timer);
    }
    this.#due = deadline;
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, deadline - performance.now()));
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#judging?.();
    this.#timer = null;
    this.#judging = null;
  }

  #fire(): void {
    this.#timer = null;
    this.#judging = afterReading(() => {
      this.#judging = null;
      const deadline = this.#deadline();
      if (deadline !== null && deadline <= performance.now()) this.#expired();
      this.arm();
    });
  }
}
