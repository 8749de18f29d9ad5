import { address } from "../../connection/settings.ts";
import { onAbort } from "../../core/abort.ts";
import { TimeoutError } from "../../errors.ts";
import { Call, type Phase } from "./call.ts";
import { discard, type Entry, type LinkState, type PendingCall } from "./entry.ts";
import type { Unserved } from "./placement.ts";
import { BATCH } from "./reconcile.ts";
import type { SubscriptionRequest } from "./request.ts";

/** What calls need of the engine. */
export interface CallsOwner {
  readonly started: boolean;
  readonly links: Iterable<LinkState>;
  /** Why the last connection or attempt ended. */
  readonly failure: unknown;
  /** Why nodes that are connected do not serve entries; `null` where that is not the reason. */
  unserved?(entries: readonly Entry[]): Unserved | null;
  /** The next place in the order of calls and commands. */
  nextOrder(): number;
  /** A call was made, or is settled. */
  changed(): void;
  /** The entry of a name, made if there is none. */
  enter(request: SubscriptionRequest): Entry;
  /** Whether it is not known yet if the server denies the call's names. */
  isUndecided(call: PendingCall): boolean;
  /** Tells the servers what the calls want of entries. */
  send(entries: readonly Entry[], how: { readonly call: PendingCall | null; readonly reassert?: boolean }): void;
}

/** What bounds one call; the timeout counts silence on a ready connection. */
export interface CallOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** It is part of the opening: its time begins with that. */
  readonly initial?: boolean | undefined;
}

/** What calls reject with that were made on a consumer that is never opened. */
export function notOpened(bound: number): TimeoutError {
  const how = "await its open() first, or make it with the client's pubsub() or shardedPubsub()";
  return new TimeoutError(`The consumer was not opened within ${bound} ms: ${how}.`);
}

/** The user's calls that are not settled, and what becomes of them. */
export class Calls {
  readonly #owner: CallsOwner;
  readonly #readyTimeout: number;
  readonly #pending: Set<PendingCall> = new Set();

  /** `readyTimeout` bounds calls while their links are down; milliseconds, or Infinity. */
  constructor(owner: CallsOwner, readyTimeout: number) {
    this.#owner = owner;
    this.#readyTimeout = readyTimeout;
  }

  get size(): number {
    return this.#pending.size;
  }

  [Symbol.iterator](): Iterator<PendingCall> {
    return this.#pending[Symbol.iterator]();
  }

  /**
   * Wants names, all or none; those that come twice have one sink. Settles when the servers have confirmed every one.
   * They are sent by and by, so that the servers are at work while the rest is prepared; but shard channels, of which
   * those of one slot go together, all at once.
   */
  want(requests: Iterable<SubscriptionRequest>, { timeout, signal, initial = false }: CallOptions): PendingCall {
    const call = this.#make([], timeout, (bound) => this.fail(call, this.#late(call, bound)));
    const claim = Object.freeze([call]);
    let unsent: Entry[] = [];
    for (const request of requests) {
      const entry = this.#owner.enter(request);
      if (entry.calls.includes(call)) continue;
      // Should another call that is pending fail, this one's sink holds, be it the same one.
      if (entry.wanted && (request.sink !== entry.sink || entry.calls.some(({ replaced }) => replaced.has(entry)))) {
        call.replaced.set(entry, entry.sink);
      }
      entry.sink = request.sink;
      entry.addCall(call, claim);
      call.entries.push(entry);
      unsent.push(entry);
      if (unsent.length < BATCH || entry.kind === "shard") continue;
      this.#owner.send(unsent, { call, reassert: true });
      unsent = [];
    }
    this.#owner.send(unsent, { call, reassert: true });
    // Not before it is whole: reading may go on here, and what is read settle calls.
    this.#open(call, initial);
    if (signal !== undefined) {
      const abort = onAbort(signal, () => this.fail(call, signal.reason));
      void call.promise.then(
        () => abort[Symbol.dispose](),
        () => abort[Symbol.dispose](),
      );
    }
    return call;
  }

  /** No longer wants entries. Settles when the servers have confirmed it, or kept silent for `timeout` milliseconds. */
  unwant(entries: readonly Entry[], timeout: number): PendingCall {
    const call = this.#make([...entries], timeout, () => {
      for (const entry of call.left) entry.link.markUnclean();
      this.finish(call);
    });
    const served: [PendingCall, Entry][] = [];
    for (const entry of entries) {
      // Calls that wait for a restoration will not see this name in it; the others see their own confirmation.
      const { link, last } = entry;
      const restored = !link.ready ? Number.POSITIVE_INFINITY : last?.restores ? last.order : link.since;
      for (const claim of entry.abandon()) {
        if (claim.order < restored || claim.commands === 0) served.push([claim, entry]);
      }
    }
    this.#owner.send(entries, { call });
    for (const entry of entries) if (!entry.leaving) served.push([call, entry]);
    // Not before all is sent: reading may go on here, and what is read want the names again.
    this.#open(call, false);
    for (const [claim, entry] of served) this.confirm(claim, entry);
    if (entries.length === 0) this.finish(call);
    return call;
  }

  /** Their time runs on, with links that are ready or without. */
  time(): void {
    for (const call of this.#pending) this.#time(call);
  }

  confirm(call: PendingCall, entry: Entry): void {
    call.confirm(entry);
    this.finishIfDone(call);
  }

  /**
   * Once its commands are all answered or lost, a call waits for names that it still wants, and for no others: those will
   * not be asked for again.
   */
  release(call: PendingCall): void {
    if (call.commands > 0) return;
    for (const entry of call.left) if (!entry.calls.includes(call)) this.confirm(call, entry);
  }

  finishIfDone(call: PendingCall): void {
    if (call.confirmed && !this.#owner.isUndecided(call)) this.finish(call);
  }

  finish(call: PendingCall): void {
    if (!this.#pending.delete(call)) return;
    for (const entry of call.entries) {
      if (!entry.calls.includes(call)) continue;
      // Calls before it that fail change nothing any more.
      for (let i = 0; entry.calls[i] !== call; i++) entry.calls[i]?.replaced.delete(entry);
      entry.established = true;
      entry.removeCall(call);
    }
    call.resolve();
    this.#owner.changed();
  }

  /** Undoes what only this call wanted, and rejects it. */
  fail(call: PendingCall, error: unknown): void {
    if (!this.#pending.delete(call)) return;
    for (const [entry, before] of call.replaced) {
      const later = entry.calls.slice(entry.calls.indexOf(call) + 1).find(({ replaced }) => replaced.has(entry));
      // Should the later one fail too, it must not bring this one's sink back.
      if (later === undefined) entry.sink = before;
      else later.replaced.set(entry, before);
    }
    const withdrawn: Entry[] = [];
    for (const entry of call.entries) {
      const claimed = entry.calls.includes(call);
      entry.removeCall(call);
      if (claimed && !entry.wanted) withdrawn.push(entry);
    }
    for (const entry of withdrawn) entry.sink = discard;
    this.#owner.send(withdrawn, { call: null });
    call.reject(error);
    this.#owner.changed();
  }

  rejectAll(why: () => unknown): void {
    for (const call of this.#pending) call.reject(why());
    this.#pending.clear();
  }

  /** A call, bounded by silence: `timeout` milliseconds on links that are ready. */
  #make(entries: Entry[], timeout: number, late: (bound: number) => void): PendingCall {
    return new Call(this.#owner.nextOrder(), entries, { ready: timeout, away: this.#readyTimeout }, late);
  }

  /** From now on it can be settled; it may be already, if its connection was lost while it was made. */
  #open(call: PendingCall, initial: boolean): void {
    this.#pending.add(call);
    this.#owner.changed();
    if (!initial || this.#owner.started) this.#time(call);
    if (call.entries.length > 0) this.finishIfDone(call);
  }

  /** What a call that ran out of time rejects with. */
  #late({ left }: PendingCall, bound: number): TimeoutError {
    const unserved = this.#owner.unserved?.(left);
    if (unserved) {
      const { text, cause } = unserved;
      return new TimeoutError(`Not subscribed within ${bound} ms. ${text}`, cause === null ? undefined : { cause });
    }
    if (left.length > 0 && left.every((entry) => entry.link.ready)) {
      return new TimeoutError(`No confirmation for ${nameList(left)} from ${serverList(left)} within ${bound} ms.`);
    }
    if (!this.#owner.started) return notOpened(bound);
    const cause = this.#owner.failure;
    const why = cause instanceof Error ? cause.message : "Is the server up?";
    return new TimeoutError(`No connection within ${bound} ms. ${why}`, cause === null ? undefined : { cause });
  }

  /** Its time runs on, or begins to. */
  #time(call: PendingCall): void {
    call.enter(this.#owner.started ? this.#phase(call) : "away");
  }

  #phase({ entries, left }: PendingCall): Phase {
    if (entries.length > 0) return left.length > 0 && left.every(({ link }) => link.ready) ? "ready" : "away";
    const links = [...this.#owner.links];
    return links.length > 0 && links.every(({ ready }) => ready) ? "ready" : "away";
  }
}

/** Where they were asked for. */
function serverList(entries: readonly Entry[]): string {
  const servers = new Set(entries.map(({ link }) => (link.endpoint === null ? "the server" : address(link.endpoint))));
  return [...servers].join(", ");
}

function nameList(entries: readonly Entry[]): string {
  const shown = entries.slice(0, 3).map((entry) => JSON.stringify(entry.name.toString()));
  return entries.length > 3 ? `${shown.join(", ")} and ${entries.length - 3} more` : shown.join(", ");
}
