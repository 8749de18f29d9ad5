import type { HostPort } from "../cluster/replies.ts";
import type { Entry } from "./entry.ts";

/** The channels of one slot between two homes. */
interface Journey {
  readonly entries: Set<Entry>;
  /** How often nodes sent them on since they were last subscribed. */
  attempts: number;
  /** Where they were sent. */
  target: HostPort | null;
  timer: NodeJS.Timeout | null;
  /** Whether nobody served the slot when it was last asked for. */
  stranded: boolean;
}

/** Milliseconds: while a slot changes hands its two nodes send everybody to each other, for a moment or for long. */
const FIRST_WAIT = 10;
const SOON = 100;
const LATER = 1000;
/** Slots without an owner that are asked for at a time. */
const AT_A_TIME = 64;
/** Attempts before the waits grow beyond `SOON`. */
const PATIENT_AFTER = 30;

/**
 * Shard channels whose node gave them up. The first node that is named is asked at once; every further one after a wait
 * that grows, so that two nodes that point at each other cost little and are noticed soon when they agree.
 */
export class Wanderers {
  readonly #journeys: Map<number, Journey> = new Map();
  readonly #settle: (slot: number, entries: readonly Entry[], target: HostPort | null) => boolean;
  /** Slots that nobody served, longest ago first. */
  readonly #stranded: Set<number> = new Set();
  #tick: NodeJS.Timeout | null = null;
  /** How often they were asked for in vain. */
  #retries = 0;
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
    return this.#journeys.size === 0;
  }

  /** Takes the entry along if others of its slot are without a home; false if none are. */
  join(slot: number, entry: Entry): boolean {
    const journey = this.#journeys.get(slot);
    if (journey === undefined || journey.entries.size === 0) return false;
    this.#add(journey, entry);
    return true;
  }

  /** The entry's node gave it up; it is asked again, at once. */
  return(slot: number, entry: Entry, node: HostPort | null): void {
    const journey = this.#journey(slot);
    this.#add(journey, entry);
    if (journey.timer !== null) return;
    journey.target = node;
    journey.timer = setTimeout(() => this.#go(slot, journey), 0);
  }

  /** A node sent the entry to another. */
  redirect(slot: number, entry: Entry, target: HostPort): void {
    const journey = this.#journey(slot);
    this.#add(journey, entry);
    journey.target = target;
    if (journey.timer !== null) return;
    journey.timer = setTimeout(() => this.#go(slot, journey), waitBefore(journey.attempts++));
  }

  /** Nobody serves the entry's slot. */
  strand(slot: number, entry: Entry): void {
    const journey = this.#journey(slot);
    this.#add(journey, entry);
    journey.target = null;
    if (journey.timer === null) this.#stranded.add(slot);
    this.#tick ??= setTimeout(() => this.#retry(), waitBefore(++this.#retries));
  }

  /** A channel of the slot is subscribed. */
  arrived(slot: number): void {
    const journey = this.#journeys.get(slot);
    if (journey === undefined || journey.entries.size > 0) return;
    this.#journeys.delete(slot);
    if (!journey.stranded) return;
    // What was down is up again, and may be for the others too.
    this.#retries = 0;
    for (const other of [...this.#stranded]) this.#return(other);
  }

  /** The entry is wanted no more. */
  leave(slot: number, entry: Entry): void {
    const journey = this.#journeys.get(slot);
    if (journey?.entries.delete(entry)) this.#size--;
    if (journey?.entries.size !== 0) return;
    if (journey.timer !== null) clearTimeout(journey.timer);
    this.#stranded.delete(slot);
    this.#journeys.delete(slot);
  }

  stop(): void {
    for (const { timer, entries } of this.#journeys.values()) {
      if (timer !== null) clearTimeout(timer);
      entries.clear();
    }
    this.#journeys.clear();
    this.#stranded.clear();
    if (this.#tick !== null) clearTimeout(this.#tick);
    this.#tick = null;
    this.#size = 0;
  }

  #journey(slot: number): Journey {
    const known = this.#journeys.get(slot);
    if (known !== undefined) return known;
    const journey: Journey = { entries: new Set(), attempts: 0, target: null, timer: null, stranded: false };
    this.#journeys.set(slot, journey);
    return journey;
  }

  #add({ entries }: Journey, entry: Entry): void {
    if (entries.has(entry)) return;
    entries.add(entry);
    this.#size++;
  }

  /** Asks for some of the slots that nobody served: however many there are, it is a few questions at a time. */
  #retry(): void {
    this.#tick = null;
    let asked = 0;
    for (const slot of [...this.#stranded]) {
      if (asked++ === AT_A_TIME) break;
      this.#return(slot);
    }
    if (this.#stranded.size > 0) this.#tick ??= setTimeout(() => this.#retry(), waitBefore(++this.#retries));
  }

  #return(slot: number): void {
    this.#stranded.delete(slot);
    const journey = this.#journeys.get(slot);
    if (journey === undefined) return;
    journey.stranded = true;
    this.#go(slot, journey);
  }

  #go(slot: number, journey: Journey): void {
    journey.timer = null;
    const entries = [...journey.entries];
    if (entries.length === 0) return;
    journey.entries.clear();
    this.#size -= entries.length;
    const { target } = journey;
    journey.target = null;
    if (this.#settle(slot, entries, target)) return;
    for (const entry of entries) this.strand(slot, entry);
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
