import { nextTurn } from "../../core/turns.ts";
import { surface } from "../../core/uncaught.ts";

/** What reports need of a consumer. */
export interface ReportsOwner {
  /** Whether the consumer has a listener of the event. */
  listens(event: "error" | "gap" | "pause"): boolean;
  /** Emits an error on the consumer. */
  emitError(error: Error): void;
  /** Emits an error on the client; false if it has no listener. */
  emitClientError(error: Error): boolean;
}

/** Codes of the warnings of the process. */
export type WarningCode = "TIDINGS_DROPPED" | "TIDINGS_REFUSED" | "TIDINGS_PAUSED";

/**
 * A call that registers handlers. Their errors are held until the turn of the event loop behind its end, so that the user has
 * had time to attach a listener.
 */
export class Registration {
  readonly #deliver: (error: Error) => void;
  /** `null` once they are delivered at once. */
  #held: Error[] | null = [];

  constructor(deliver: (error: Error) => void) {
    this.#deliver = deliver;
  }

  error(error: Error): void {
    if (this.#held === null) this.#deliver(error);
    else this.#held.push(error);
  }

  /** The call has settled. */
  end(): void {
    nextTurn(() => {
      const held = this.#held ?? [];
      this.#held = null;
      for (const error of held) this.#deliver(error);
    });
  }
}

/**
 * Where a consumer's errors go: to its listeners, else to the client's, else to the process, as everywhere in Node. And its
 * warnings, each of which is given once.
 */
export class Reports {
  readonly #owner: ReportsOwner;
  readonly #warned: Set<WarningCode> = new Set();

  constructor(owner: ReportsOwner) {
    this.#owner = owner;
  }

  /** A call that registers handlers begins. */
  registration(): Registration {
    return new Registration((error) => this.error(error));
  }

  /** An error that must not be lost. */
  error(error: Error): void {
    if (!this.tell(() => error)) surface(error);
  }

  /** An error that is emitted if there is a listener; false if there is none. */
  tell(error: () => Error): boolean {
    if (this.#owner.listens("error")) this.#owner.emitError(error());
    else return this.#owner.emitClientError(error());
    return true;
  }

  warn(code: WarningCode, text: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    process.emitWarning(text, { type: "TidingsWarning", code });
  }
}
