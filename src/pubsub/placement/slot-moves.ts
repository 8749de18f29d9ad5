import type { HostPort } from "../../cluster/replies.ts";
import type { Entry } from "../subscriptions/entry.ts";

/** The channels of one slot between two homes. */
interface SlotMove {
  readonly entries: Set<Entry>;
  /** How often nodes sent them on since they were last subscribed. */
  attempts: number;
  /** Where they were sent. */
  target: HostPort | null;
  timer: NodeJS.Timeout | null;
  /** How often no node served the slot since its channels were last subscribed. */
  refusals: number;
  /** When it is asked for again, if no node serves it: `performance.now()` time. */
  due: number;
}

/** A node gave up a slot that it had served. */
interface Dismissal {
  readonly node: HostPort | null;
  /** `performance.now()` time. */
  readonly at: number;
  /** How many come in a row. */
  readonly count: number;
}

/** Milliseconds: while a slot changes hands its two nodes send a command to each other, for a moment or for long. */
const FIRST_WAIT = 10;
const SOON = 100;
const LATER = 1000;
/** Slots without an owner that are asked for at a time; `SOON` later come the next. */
const AT_A_TIME = 64;
/** Dismissals of a slot that come no further apart count as one row; milliseconds. */
const IN_A_ROW = 5000;
/** Dismissals in a row before the waits behind them grow. */
const CALM_AFTER = 10;
/** Attempts before the waits grow beyond `SOON`. */
const PATIENT_AFTER = 30;

/**
 * Shard channels whose node gave them up. The first node that is named is asked at once; every further one after a wait
 * that grows, so that two nodes that point at each other cost little and are noticed soon when they agree.
 */
export class SlotMoves {
  readonly #moves: Map<number, SlotMove> = new Map();
  readonly #settle: (slot: number, entries: readonly Entry[], target: HostPort | null) => boolean;
  /** The latest dismissals of slots, longest ago first. */
  readonly #dismissals: Map<number, Dismissal> = new Map();
  /** Slots that no node served, longest ago first. */
  readonly #unserved: Set<number> = new Set();
  #tick: NodeJS.Timeout | null = null;
  /** When that comes. */
  #nextTick = 0;
  /** It comes no sooner than this. */
  #rest = 0;
  #size = 0;

  /** `settle` gives entries a home; false if there is none yet. */
  constructor(settle: (slot: number, entries: readonly Entry[], target: HostPort | null) => boolean) {
    this.#settle = settle;
  }

  /** How many entries have no home. */
  get size(): number {
    return this.#size;
  }

  /** Whether no slot was on the move since its channels were last subscribed. */
  get idle(): boolean {
    return this.#moves.size === 0;
  }

  /** Takes the entry along if others of its slot are without a home; false if none are. */
  join(slot: number, entry: Entry): boolean {
    const move = this.#moves.get(slot);
    if (move === undefined || move.entries.size === 0) return false;
    this.#add(move, entry);
    return true;
  }

  /** The entry's node gave it up; it is asked again, at once, or after a pause where it does so again and again. */
  return(slot: number, entry: Entry, node: HostPort | null): void {
    const move = this.#move(slot);
    this.#add(move, entry);
    if (move.timer !== null) return;
    this.#unserved.delete(slot);
    move.target = node;
    move.timer = setTimeout(() => this.#go(slot, move), this.#waitAfterDismissal(slot, node));
  }

  /** A node sent the entry to another. */
  redirect(slot: number, entry: Entry, target: HostPort): void {
    const move = this.#move(slot);
    this.#add(move, entry);
    move.target = target;
    if (move.timer !== null) return;
    this.#unserved.delete(slot);
    move.timer = setTimeout(() => this.#go(slot, move), waitBefore(move.attempts++));
  }

  /** No node serves the entry's slot. */
  markUnserved(slot: number, entry: Entry): void {
    const move = this.#move(slot);
    this.#add(move, entry);
    move.target = null;
    if (move.timer !== null || this.#unserved.has(slot)) return;
    this.#unserved.add(slot);
    move.due = performance.now() + waitBefore(++move.refusals);
    this.#wake(move.due);
  }

  /** A channel of the slot is subscribed. */
  arrived(slot: number): void {
    const move = this.#moves.get(slot);
    if (move === undefined || move.entries.size > 0) return;
    this.#moves.delete(slot);
    if (move.refusals === 0) return;
    // What was down is up again, and may be for the others too.
    for (const other of [...this.#unserved]) this.#ask(other);
  }

  /** The entry is wanted no more. */
  leave(slot: number, entry: Entry): void {
    const move = this.#moves.get(slot);
    if (move?.entries.delete(entry)) this.#size--;
    if (move?.entries.size !== 0) return;
    if (move.timer !== null) clearTimeout(move.timer);
    this.#unserved.delete(slot);
    this.#moves.delete(slot);
  }

  stop(): void {
    for (const { timer, entries } of this.#moves.values()) {
      if (timer !== null) clearTimeout(timer);
      entries.clear();
    }
    this.#moves.clear();
    this.#dismissals.clear();
    this.#unserved.clear();
    if (this.#tick !== null) clearTimeout(this.#tick);
    this.#tick = null;
    this.#size = 0;
  }

  /** Milliseconds: none the first time, then so much that a slot is asked for at most ten times a second. */
  #waitAfterDismissal(slot: number, node: HostPort | null): number {
    const now = performance.now();
    for (const [old, { at }] of this.#dismissals) {
      if (now - at < IN_A_ROW) break;
      this.#dismissals.delete(old);
    }
    const before = this.#dismissals.get(slot);
    const count = (before?.count ?? 0) + 1;
    // Behind all others: they stay in the order of their times.
    this.#dismissals.delete(slot);
    this.#dismissals.set(slot, { count, at: now, node });
    if (before === undefined) return 0;
    const same = before.node?.host === node?.host && before.node?.port === node?.port;
    // A slot may well be moved several times.
    if (!same && count <= CALM_AFTER) return 0;
    const least = same ? Math.min(LATER, SOON * 2 ** Math.max(0, count - CALM_AFTER)) : SOON;
    return least * (1 + Math.random() / 2);
  }

  #move(slot: number): SlotMove {
    const known = this.#moves.get(slot);
    if (known !== undefined) return known;
    const move: SlotMove = { entries: new Set(), attempts: 0, target: null, timer: null, refusals: 0, due: 0 };
    this.#moves.set(slot, move);
    return move;
  }

  #add({ entries }: SlotMove, entry: Entry): void {
    if (entries.has(entry)) return;
    entries.add(entry);
    this.#size++;
  }

  #wake(due: number): void {
    const at = Math.max(due, this.#rest);
    if (this.#tick !== null && this.#nextTick <= at) return;
    if (this.#tick !== null) clearTimeout(this.#tick);
    this.#nextTick = at;
    this.#tick = setTimeout(() => this.#retry(), at - performance.now());
  }

  /** Asks for slots that no node served; however many are due, it is a few questions at a time. */
  #retry(): void {
    this.#tick = null;
    const now = performance.now();
    let asked = 0;
    let next = Number.POSITIVE_INFINITY;
    for (const slot of [...this.#unserved]) {
      const due = this.#moves.get(slot)?.due ?? 0;
      // Timers may come early, by less than a millisecond.
      if (due < now + 1 && asked < AT_A_TIME) {
        if (++asked === AT_A_TIME) this.#rest = now + SOON;
        this.#ask(slot);
      } else {
        next = Math.min(next, due);
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#wake(next);
  }

  #ask(slot: number): void {
    this.#unserved.delete(slot);
    const move = this.#moves.get(slot);
    if (move !== undefined) this.#go(slot, move);
  }

  #go(slot: number, move: SlotMove): void {
    if (move.timer !== null) clearTimeout(move.timer);
    move.timer = null;
    const entries = [...move.entries];
    if (entries.length === 0) return;
    move.entries.clear();
    this.#size -= entries.length;
    const { target } = move;
    move.target = null;
    if (this.#settle(slot, entries, target)) return;
    for (const entry of entries) this.markUnserved(slot, entry);
  }
}

/** Milliseconds, with jitter: consumers that lost the same slot do not come at once. */
function waitBefore(attempts: number): number {
  if (attempts === 0) return 0;
  const longest =
    attempts < PATIENT_AFTER
      ? Math.min(SOON, FIRST_WAIT * 2 ** (attempts - 1))
      : Math.min(LATER, SOON * 2 ** (attempts - PATIENT_AFTER));
  return longest * (0.5 + Math.random() / 2);
}
