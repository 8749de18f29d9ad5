import { TimeoutError } from "../errors.ts";
import { Call, type Phase } from "./call.ts";
import type { Claim, Entry, Home } from "./entry.ts";

/** What calls need of the engine. */
export interface CallsOwner {
  readonly started: boolean;
  readonly links: Iterable<Home>;
  /** Why the last connection or attempt ended. */
  readonly failure: unknown;
  /** The next place in the order of calls and commands. */
  nextOrder(): number;
  /** Whether it is not known yet if the server denies the call's names. */
  trying(call: Claim): boolean;
  /** Nobody wants these any more. */
  withdraw(entries: readonly Entry[]): void;
}

/** The user's calls that are not settled, and what becomes of them. */
export class Calls {
  readonly #owner: CallsOwner;
  readonly #connectTimeout: number;
  readonly #pending: Set<Claim> = new Set();

  /** `connectTimeout` bounds calls while their links are down; milliseconds. */
  constructor(owner: CallsOwner, connectTimeout: number) {
    this.#owner = owner;
    this.#connectTimeout = connectTimeout;
  }

  get size(): number {
    return this.#pending.size;
  }

  [Symbol.iterator](): Iterator<Claim> {
    return this.#pending[Symbol.iterator]();
  }

  /** A call, bounded by silence: `timeout` milliseconds on links that are ready. */
  open(entries: readonly Entry[], timeout: number, late: (call: Claim, bound: number) => void): Claim {
    const bounds = { ready: timeout, away: this.#connectTimeout };
    const call: Claim = new Call(this.#owner.nextOrder(), entries, bounds, (bound) => late(call, bound));
    this.#pending.add(call);
    if (this.#owner.started) call.enter(this.#phase(call));
    return call;
  }

  /** Their time runs on, with links that are ready or without. */
  time(): void {
    for (const call of this.#pending) call.enter(this.#phase(call));
  }

  confirm(call: Claim, entry: Entry): void {
    call.confirm(entry);
    this.finishIfDone(call);
  }

  finishIfDone(call: Claim): void {
    if (call.left.size === 0 && !this.#owner.trying(call)) this.finish(call);
  }

  finish(call: Claim): void {
    if (!this.#pending.delete(call)) return;
    for (const entry of call.entries) {
      if (entry.claims.includes(call)) entry.established = true;
      entry.unclaim(call);
    }
    call.resolve();
  }

  /** Undoes what only this call wanted, and rejects it. */
  fail(call: Claim, error: unknown): void {
    if (!this.#pending.delete(call)) return;
    for (const [entry, { before, after }] of call.replaced) {
      if (entry.sink === after) entry.sink = before;
      // Should a later call fail too, it must not bring this one's handler back.
      for (const later of entry.claims) {
        const replaced = later.replaced.get(entry);
        if (replaced?.before === after) replaced.before = before;
      }
    }
    const withdrawn: Entry[] = [];
    for (const entry of call.entries) {
      const claimed = entry.claims.includes(call);
      entry.unclaim(call);
      if (claimed && !entry.wanted) withdrawn.push(entry);
    }
    this.#owner.withdraw(withdrawn);
    call.reject(error);
  }

  rejectAll(error: unknown): void {
    for (const call of this.#pending) call.reject(error);
    this.#pending.clear();
  }

  /** What a call that ran out of time rejects with. */
  late({ left }: Claim, bound: number): TimeoutError {
    if (left.size > 0 && [...left].every((entry) => entry.link.ready)) {
      return new TimeoutError(`No confirmation for ${nameList([...left])} within ${bound} ms.`);
    }
    const cause = this.#owner.failure;
    const why = cause instanceof Error ? cause.message : "Is the server up?";
    return new TimeoutError(`No connection within ${bound} ms. ${why}`, cause === null ? undefined : { cause });
  }

  #phase({ entries, left }: Claim): Phase {
    const links = entries.length > 0 ? Array.from(left, ({ link }) => link) : [...this.#owner.links];
    return links.length > 0 && links.every(({ ready }) => ready) ? "ready" : "away";
  }
}

function nameList(entries: readonly Entry[]): string {
  const shown = entries.slice(0, 3).map((entry) => JSON.stringify(entry.name.toString()));
  return entries.length > 3 ? `${shown.join(", ")} and ${entries.length - 3} more` : shown.join(", ");
}
