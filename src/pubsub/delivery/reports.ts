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
 * Where a consumer's errors go: to its listeners, else to the client's, else to the process, as everywhere in Node. And its
 * warnings, each of which is given once.
 */
export class Reports {
  readonly #owner: ReportsOwner;
  readonly #warned: Set<WarningCode> = new Set();
  /** Calls whose user cannot have attached a listener yet. */
  #registering = 0;
  #held: Error[] = [];

  constructor(owner: ReportsOwner) {
    this.#owner = owner;
  }

  /**
   * Holds errors back while a call registers handlers; the function returned ends that. They are delivered in the turn of the
   * event loop after it, so that the user has had time to attach a listener.
   */
  hold(): () => void {
    this.#registering++;
    return () => {
      nextTurn(() => {
        if (--this.#registering > 0) return;
        for (const error of this.#held.splice(0)) this.#deliver(error);
      });
    };
  }

  /** An error that must not be lost. */
  error(error: Error): void {
    if (this.#registering > 0) this.#held.push(error);
    else this.#deliver(error);
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

  #deliver(error: Error): void {
    if (!this.tell(() => error)) surface(error);
  }
}
