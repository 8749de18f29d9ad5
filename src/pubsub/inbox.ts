import { Ring } from "../core/ring.ts";
import type { AnyItem } from "./types.ts";

/** An item of the queue. */
export type Item = AnyItem;

/** Whether an item was published; the others tell about the subscriptions. */
function isPublished(item: Item): boolean {
  return item.type === "message" || item.type === "pmessage";
}

/** Whether an item confirms; what is left out where only messages and gaps are wanted. */
export function isConfirmation(item: Item): boolean {
  return !isPublished(item) && item.type !== "gap";
}

/** Somebody who waits for what comes next. */
export interface Reader {
  /** Takes the item that has come; false if it still waits. The item is gone either way. `null`: one a handler took. */
  offer(item: Item | null): boolean;
  /** The queue will stay empty unless somebody subscribes again; true if that ends the wait. */
  idle(): boolean;
  /** The consumer was closed. */
  closed(): void;
  /** The consumer failed. */
  failed(cause: unknown): void;
}

/** So many unread confirmations and gaps are kept at least... */
const NOTICES = 65_536;
/** ...and when there are too many, this share of them goes at once, so that making room costs little for each. */
const SHARE = 8;

/** A run of messages that handlers took: one `null` each for `getMessage`, kept as a count. */
class Handled {
  count = 1;
}

/**
 * The one queue of a consumer. Items go to the readers that wait, in the order of their calls, or lie here in the order
 * of their arrival.
 */
export class Inbox {
  readonly #items: Ring<Item | Handled> = new Ring();
  /** In the order of their calls. */
  readonly #readers: Set<Reader> = new Set();
  /** The one whose turn it is, at hand for every message. */
  #first: Reader | null = null;
  #published = 0;
  #notices = 0;
  #dropped = 0;

  /** Unread published messages. */
  get pending(): number {
    return this.#published;
  }

  /** Confirmations and gaps that nobody read and that made room for newer ones. */
  get droppedNotices(): number {
    return this.#dropped;
  }

  /** Whether nothing is left to read; what handlers took does not count. */
  get empty(): boolean {
    return this.#published === 0 && this.#notices === 0;
  }

  /** Whether somebody waits. */
  get awaited(): boolean {
    return this.#readers.size > 0;
  }

  /** A published message. */
  push(item: Item): void {
    if (this.#first !== null) {
      this.#offer(this.#first, item);
      return;
    }
    this.#items.push(item);
    this.#published++;
  }

  /** A confirmation or a gap; `wanted` names bound how many are kept. */
  notice(item: Item, wanted: number): void {
    if (this.#first !== null) {
      this.#offer(this.#first, item);
      return;
    }
    const most = Math.max(NOTICES, 2 * wanted);
    if (this.#notices >= most) this.#dropNotices(Math.ceil(most / SHARE));
    this.#items.push(item);
    this.#notices++;
  }

  /** Something came that is not to be read: a handler took it, or it is a confirmation that is ignored. */
  handled(): void {
    if (this.#first !== null) {
      this.#offer(this.#first, null);
      return;
    }
    const last = this.#items.peekLast();
    if (last instanceof Handled) last.count++;
    else this.#items.push(new Handled());
  }

  /** The next item; `null`: a handler took it; `undefined`: there is none. */
  shift(): Item | null | undefined {
    const first = this.#items.peek();
    if (first instanceof Handled) {
      if (--first.count === 0) this.#items.shift();
      return null;
    }
    if (first === undefined) return undefined;
    this.#items.shift();
    if (isPublished(first)) this.#published--;
    else this.#notices--;
    return first;
  }

  /** The next item, past all that handlers took; `undefined`: there is none. */
  shiftItem(): Item | undefined {
    while (this.#items.peek() instanceof Handled) this.#items.shift();
    return this.shift() ?? undefined;
  }

  wait(reader: Reader): void {
    this.#readers.add(reader);
    this.#first ??= reader;
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#first !== reader) return;
    const [next = null] = this.#readers;
    this.#first = next;
  }

  /** Nothing is wanted any more: lets the readers go that wait for no other time. */
  idle(): void {
    for (const reader of this.#readers) if (reader.idle()) this.leave(reader);
  }

  /** Discards all and lets every reader go. */
  close(): void {
    this.#items.clear();
    this.#published = 0;
    this.#notices = 0;
    for (const reader of this.#take()) reader.closed();
  }

  /** Lets every reader go with the cause; what is here stays readable. */
  fail(cause: unknown): void {
    for (const reader of this.#take()) reader.failed(cause);
  }

  /** Readers only wait where the queue is empty: the first one takes the item, be it to skip it. */
  #offer(first: Reader, item: Item | null): void {
    if (first.offer(item)) this.leave(first);
  }

  #take(): Reader[] {
    const readers = [...this.#readers];
    this.#readers.clear();
    this.#first = null;
    return readers;
  }

  #dropNotices(count: number): void {
    const items = [...this.#items];
    this.#items.clear();
    let left = count;
    for (const item of items) {
      const last = this.#items.peekLast();
      if (left > 0 && !(item instanceof Handled) && !isPublished(item)) left--;
      else if (item instanceof Handled && last instanceof Handled) last.count += item.count;
      else this.#items.push(item);
    }
    this.#notices -= count;
    this.#dropped += count;
  }
}
