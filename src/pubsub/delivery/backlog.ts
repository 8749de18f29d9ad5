/** What becomes of messages when a consumer holds as many as it may. */
export type Overflow = "pause" | "drop-oldest" | "drop-newest" | "error";

/** How much a consumer may hold: messages, and bytes of their payloads. */
export interface BacklogLimits {
  readonly limit: number;
  readonly limitBytes: number;
  readonly overflow: Overflow;
}

/** Is told when the backlog has reached its limits. */
export interface BacklogOwner {
  /** It is full: nothing more should be read from the network. */
  full(): void;
  /** There is room again. */
  room(): void;
}

/**
 * Counts what a consumer holds: messages that are not read yet, and those that wait behind async handlers.
 * Confirmations, gaps and the message that a handler is at work on do not count.
 */
export class Backlog {
  count = 0;
  bytes = 0;
  readonly overflow: Overflow;
  readonly #limit: number;
  readonly #limitBytes: number;
  readonly #owner: BacklogOwner;
  #full = false;

  constructor({ limit, limitBytes, overflow }: BacklogLimits, owner: BacklogOwner) {
    this.overflow = overflow;
    this.#limit = limit;
    this.#limitBytes = limitBytes;
    this.#owner = owner;
  }

  /** Whether the bytes alone fill it: that bound is never passed. */
  get heavy(): boolean {
    return this.bytes >= this.#limitBytes;
  }

  /** Whether a message of this size fits; with `pause` all do, for it was read already. */
  admits(size: number): boolean {
    if (this.overflow === "pause") return true;
    return this.count < this.#limit && this.bytes + size <= this.#limitBytes;
  }

  add(size: number): void {
    this.count++;
    this.bytes += size;
    if (this.overflow !== "pause" || (this.count < this.#limit && this.bytes < this.#limitBytes)) return;
    this.#full = true;
    this.#owner.full();
  }

  remove(size: number): void {
    this.count--;
    this.bytes -= size;
    // Half of it empty: a socket that is stopped and started for each message costs more than the message.
    if (this.#full && this.count <= this.#limit / 2 && this.bytes <= this.#limitBytes / 2) {
      this.#full = false;
      this.#owner.room();
    }
  }

  /** All is discarded. */
  clear(): void {
    this.count = 0;
    this.bytes = 0;
  }
}
