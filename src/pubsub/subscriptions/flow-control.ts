import type { Link } from "./link.ts";

/** What flow control needs of the engine. */
export interface FlowControlled {
  readonly links: Iterable<Link>;
  readonly closed: boolean;
  /** Whether a call or a restoration waits for what is to be read. */
  readonly awaitsAnswers: boolean;
  /** Reading from the network has stopped, or goes on. */
  paused(paused: boolean): void;
}

/**
 * Back-pressure: stops reading the links while the consumer is full. A consumer that is full and waits for answers reads on,
 * unless it is full to the hard limit.
 */
export class FlowControl {
  readonly #engine: FlowControlled;
  #throttle: "soft" | "hard" | null = null;
  #paused = false;
  #resuming = false;

  constructor(engine: FlowControlled) {
    this.#engine = engine;
  }

  /** Whether nothing is to be read, as things stand. */
  get full(): boolean {
    return this.#throttle === "hard" || (this.#throttle === "soft" && !this.#engine.awaitsAnswers);
  }

  /** The consumer is full; with `hard` not even answers are read. */
  pause(hard: boolean): void {
    this.#throttle = hard ? "hard" : "soft";
    this.#apply();
  }

  /** The consumer has room. */
  resume(): void {
    this.#throttle = null;
    this.#apply();
  }

  /** What is waited for has changed. */
  changed(): void {
    if (this.#throttle !== null) this.#apply();
  }

  /** Pauses the links or resumes them, as things stand. */
  #apply(): void {
    if (this.#engine.closed) return;
    if (this.full) for (const link of this.#engine.links) link.pause();
    if (this.#resuming) return;
    this.#resuming = true;
    for (const link of this.#engine.links) {
      // What one had kept may fill the consumer again.
      if (this.full) break;
      link.resume();
    }
    this.#resuming = false;
    if (this.full === this.#paused) return;
    this.#paused = this.full;
    this.#engine.paused(this.#paused);
  }
}
