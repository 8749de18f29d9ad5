import { onAbort } from "../../core/abort.ts";
import { inSlices } from "../../core/slices.ts";
import { discard, type Entry, type Kind, type PendingCall, type Sink } from "./entry.ts";
import { BATCH, inSlotOrder, SLICE } from "./reconcile.ts";
import type { SubscriptionRequest } from "./request.ts";

/** What calls need of the engine, or of a consumer of shared subscriptions. */
export interface CallsOwner {
  /** The entry of a name, made if there is none. */
  enter(request: SubscriptionRequest): Entry;
  /** Tells the servers what the calls want of entries; shard channels of one slot come together. */
  send(entries: readonly Entry[], how: { readonly call: PendingCall | null; readonly reassert?: boolean }): void;
  /** Whether it is not known yet if the server denies the call's names. */
  isUndecided(call: PendingCall): boolean;
  /** A call was made, or is settled. */
  changed(): void;
}

/** What bounds one call; the timeout counts silence on a ready connection. */
export interface CallOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** It is part of the opening: its time begins with that. */
  readonly initial?: boolean | undefined;
}

/** After so many names it is looked whether the slice is done. */
const STEP = 100;

/** A call whose names are being entered, or that waits for its turn. */
interface EnteringCall {
  readonly call: PendingCall;
  readonly requests: Iterable<SubscriptionRequest>;
  /** Called when all names are entered. */
  readonly entered: () => void;
  /** Names that were unsubscribed before they were entered; `null` for all of the kind. */
  readonly withdrawn: { readonly kind: Kind; readonly keys: ReadonlySet<string> | null }[];
  /** Whether its names are being entered. */
  begun: boolean;
}

/** The calls of the user that are not settled, and what becomes of their names. */
export class Calls {
  readonly #owner: CallsOwner;
  readonly #pending: Set<PendingCall> = new Set();
  /** The first is at work; the others wait, so that what was asked last holds. */
  readonly #entering: EnteringCall[] = [];

  constructor(owner: CallsOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Whether names of calls are not entered yet. */
  get entering(): boolean {
    return this.#entering.length > 0;
  }

  [Symbol.iterator](): Iterator<PendingCall> {
    return this.#pending[Symbol.iterator]();
  }

  /**
   * Wants names, all or none; those that come twice have one sink. Settles when the servers have confirmed every one. What
   * exceeds a slice is entered in later turns of the event loop; the servers are at work meanwhile. `entered` is called then.
   */
  want(
    call: PendingCall,
    requests: Iterable<SubscriptionRequest>,
    { signal, entered }: { readonly signal: AbortSignal | undefined; readonly entered: () => void },
  ): void {
    call.entering = true;
    this.#pending.add(call);
    this.#entering.push({ call, requests, entered, withdrawn: [], begun: false });
    if (this.#entering.length === 1) inSlices(this.#enterAll(), SLICE);
    if (signal === undefined) return;
    const abort = onAbort(signal, () => this.fail(call, signal.reason));
    void call.promise.then(
      () => abort[Symbol.dispose](),
      () => abort[Symbol.dispose](),
    );
  }

  /** Names that are not entered yet are not wanted any more: these, or all of the kind. */
  withdraw(kind: Kind, keys: ReadonlySet<string> | null): void {
    for (const { withdrawn } of this.#entering) withdrawn.push({ kind, keys });
  }

  /** No longer wants entries. Settles when the servers have confirmed it. */
  unwant(call: PendingCall): void {
    const { entries } = call;
    const served: [PendingCall, Entry][] = [];
    for (const entry of entries) {
      for (const other of entry.abandon()) if (isServed(other, entry)) served.push([other, entry]);
    }
    this.#owner.send(inSlotOrder(entries), { call });
    for (const entry of entries) if (!entry.leaving) served.push([call, entry]);
    // Not before all is sent: reading may go on here, and what is read want the names again.
    this.#pending.add(call);
    this.#owner.changed();
    for (const [one, entry] of served) this.confirm(one, entry);
    if (entries.length === 0) this.finish(call);
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
    if (call.commands > 0 || call.entering) return;
    for (const entry of call.left) if (!entry.calls.includes(call)) this.confirm(call, entry);
  }

  finishIfDone(call: PendingCall): void {
    if (call.confirmed && !this.#owner.isUndecided(call)) this.finish(call);
  }

  /** The call stands: its names are wanted until they are unsubscribed. */
  finish(call: PendingCall): void {
    if (!this.#pending.delete(call)) return;
    call.timer?.stop();
    inSlices(this.#establish(call), SLICE);
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
    const unwanted: Entry[] = [];
    for (const entry of call.entries) {
      const claimed = entry.calls.includes(call);
      entry.removeCall(call);
      if (claimed && !entry.wanted) unwanted.push(entry);
    }
    for (const entry of unwanted) entry.sink = discard;
    this.#owner.send(inSlotOrder(unwanted), { call: null });
    call.reject(error);
    this.#owner.changed();
  }

  rejectAll(why: () => unknown): void {
    this.#entering.length = 0;
    for (const call of this.#pending) call.reject(why());
    this.#pending.clear();
  }

  // ---

  *#enterAll(): Generator<number, void> {
    // A listener that is told in between may have made a call; if that is large, its own run goes on with those behind it.
    for (let first = this.#entering[0]; first !== undefined && !first.begun; first = this.#entering[0]) {
      first.begun = true;
      const { call, withdrawn, entered } = first;
      if (!call.settled) yield* this.#enter(first);
      this.#entering.shift();
      if (call.settled) continue;
      call.entering = false;
      this.#owner.changed();
      entered();
      if (call.entries.length > 0 || withdrawn.length > 0) this.finishIfDone(call);
    }
  }

  /** Shard channels are kept until all are there: those of one slot go together. */
  *#enter({ call, requests, withdrawn }: EnteringCall): Generator<number, void> {
    const own = Object.freeze([call]);
    const bySlot = new Map<number, Entry[]>();
    let batch: Entry[] = [];
    let steps = 0;
    for (const request of requests) {
      if (
        withdrawn.length > 0 &&
        withdrawn.some((names) => names.kind === request.kind && has(names.keys, request.key))
      )
        continue;
      const entry = this.#owner.enter(request);
      if (entry.calls.includes(call)) continue;
      this.#claim(entry, call, own, request.sink);
      if (entry.kind === "shard") {
        const there = bySlot.get(entry.slot);
        if (there === undefined) bySlot.set(entry.slot, [entry]);
        else there.push(entry);
      } else if (batch.push(entry) === BATCH) {
        this.#send(batch, call);
        batch = [];
      }
      if (++steps % STEP !== 0) continue;
      yield STEP;
      if (call.settled) return;
    }
    for (const there of bySlot.values()) {
      batch.push(...there);
      if (batch.length < BATCH) continue;
      this.#send(batch, call);
      yield batch.length;
      batch = [];
      if (call.settled) return;
    }
    this.#send(batch, call);
  }

  #claim(entry: Entry, call: PendingCall, own: readonly PendingCall[], sink: Sink): void {
    // Should another call that is pending fail, this one's sink holds, be it the same one.
    if (entry.wanted && (sink !== entry.sink || entry.calls.some(({ replaced }) => replaced.has(entry)))) {
      call.replaced.set(entry, entry.sink);
    }
    entry.sink = sink;
    entry.addCall(call, own);
    call.add(entry);
  }

  /** Sends what the call still wants, but not what a restoration has asked for since and will be confirmed by that. */
  #send(entries: readonly Entry[], call: PendingCall): void {
    this.#owner.send(
      entries.filter((entry) => entry.calls.includes(call) && (isConfirmed(entry) || !isAskedSince(entry, call.order))),
      { call, reassert: true },
    );
  }

  *#establish(call: PendingCall): Generator<number, void> {
    let steps = 0;
    for (const entry of call.entries) {
      if (++steps % STEP === 0) yield STEP;
      if (!entry.calls.includes(call)) continue;
      // Calls before it that fail change nothing any more.
      for (let i = 0; entry.calls[i] !== call; i++) entry.calls[i]?.replaced.delete(entry);
      entry.established = true;
      entry.removeCall(call);
    }
    call.resolve();
    this.#owner.changed();
  }
}

function has(keys: ReadonlySet<string> | null, key: string): boolean {
  return keys === null || keys.has(key);
}

/** Whether the connection that is up was asked for the entry after this place in the order. */
function isAskedSince(entry: Entry, order: number): boolean {
  return entry.asked && entry.last !== null && entry.last.order > order;
}

function isConfirmed({ confirmed, link }: Entry): boolean {
  return confirmed > 0 && confirmed === link.epoch;
}

/** Whether a call no longer waits for a name that is unsubscribed: no confirmation that it would see is on its way. */
function isServed(call: PendingCall, entry: Entry): boolean {
  const { link, last } = entry;
  // A restoration to come will not have this name; the others see their own confirmation.
  const restored = !link.ready ? Number.POSITIVE_INFINITY : last?.restores ? last.order : link.since;
  return call.order < restored || call.commands === 0 || !isAskedSince(entry, call.order);
}
