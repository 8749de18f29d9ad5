import { Ring } from "../core/ring.ts";
import type { Backlog } from "./backlog.ts";
import type { Dropped } from "./dropped.ts";
import type { PublishedMessage } from "./message.ts";
import type { AnyItem } from "./types.ts";

/** An item of the queue. */
export type Item = AnyItem;
type Published = PublishedMessage<unknown, unknown>;

/** Whether an item confirms; what is left out where only messages and gaps are wanted. */
export function isConfirmation(item: Item): boolean {
  return item.type !== "message" && item.type !== "pmessage" && item.type !== "gap";
}

/** Somebody who waits for what comes next. */
export interface Reader {
  /** Takes the item that has come; false if it still waits. The item is gone either way. `null`: one a handler took. */
  offer(item: Item | null): boolean;
  /** Where messages that come while it still waits are put, if it has begun to collect them. */
  readonly batch: Item[] | null;
  /** The queue will stay empty unless somebody subscribes again; true if that ends the wait. */
  idle(): boolean;
  /** The consumer was closed. */
  closed(): void;
  /** The consumer failed. */
  failed(cause: unknown): void;
}

/** What an inbox tells. */
export interface InboxOwner {
  /** Messages were dropped, and their place in the order is reached; the gap, if it is to be read. */
  dropped(dropped: Dropped): Item | null;
  /** A record of messages to drop, which begins now. */
  dropping(): Dropped;
  /** A message does not fit, and none is to be dropped for it. */
  overflowed(): void;
}

/** So many unread confirmations and gaps are kept at least... */
const NOTICES = 65_536;
/** ...and when there are too many, this share of them goes at once, so that making room costs little for each. */
const SHARE = 8;

/** A run of messages that handlers took: one `null` each for `getMessage`, kept as a count. */
class Handled {
  count: number;

  constructor(count: number) {
    this.count = count;
  }
}

/** What lies between messages: before the one whose number is `before`. */
interface Mark {
  readonly before: number;
  readonly what: Item | Handled | Dropped;
}

/**
 * The one queue of a consumer. Items go to the readers that wait, in the order of their calls, or lie here in the order
 * of their arrival: messages in one ring with their sizes in another beside it, and all else as marks between them.
 */
export class Inbox {
  readonly #backlog: Backlog;
  readonly #owner: InboxOwner;
  readonly #messages: Ring<Published> = new Ring();
  readonly #sizes: Ring<number> = new Ring();
  /** How many messages have left: the number of the oldest that is here. */
  #left = 0;
  readonly #marks: Ring<Mark> = new Ring();
  /** So many that handlers took lie behind all else. */
  #handled = 0;
  /** The oldest messages were dropped; its place is behind the marks that were there then. */
  #droppedOldest: (Mark & { readonly what: Dropped }) | null = null;
  /**
   * The message behind a gap that was read: it is not dropped any more. Else whoever is slow would read gaps alone, for
   * while one is read the messages behind it are dropped.
   */
  #reserved: { readonly item: Published; readonly size: number; readonly number: number } | null = null;
  /** In the order of their calls. */
  readonly #readers: Set<Reader> = new Set();
  /** The one whose turn it is, at hand for every message. */
  #first: Reader | null = null;
  /** What it has begun to collect. */
  #batch: Item[] | null = null;
  #notices = 0;
  #droppedNotices = 0;

  constructor(backlog: Backlog, owner: InboxOwner) {
    this.#backlog = backlog;
    this.#owner = owner;
  }

  /** Unread published messages. */
  get pending(): number {
    return this.#messages.size + (this.#reserved === null ? 0 : 1);
  }

  /** Confirmations and gaps that nobody read and that made room for newer ones. */
  get droppedNotices(): number {
    return this.#droppedNotices;
  }

  /** Whether nothing is left to read; what handlers took does not count. */
  get empty(): boolean {
    return this.pending === 0 && this.#notices === 0 && this.#droppedOldest === null;
  }

  /** Whether somebody waits. */
  get awaited(): boolean {
    return this.#readers.size > 0;
  }

  /** A published message, whose payload has `size` bytes. */
  push(item: Published, size: number): void {
    if (this.#batch !== null) {
      this.#batch.push(item);
      return;
    }
    if (this.#first !== null) {
      this.#offer(this.#first, item);
      return;
    }
    if (this.#handled > 0) this.#markHandled();
    if (!this.#backlog.admits(size) && !this.#makeRoom(item, size)) return;
    this.#messages.push(item);
    this.#sizes.push(size);
    this.#backlog.add(size);
  }

  /** A confirmation or a gap; `wanted` names bound how many are kept. */
  notice(item: Item, wanted: number): void {
    if (this.#first !== null) {
      this.#offer(this.#first, item);
      return;
    }
    const most = Math.max(NOTICES, 2 * wanted);
    if (this.#notices >= most) this.#dropNotices(Math.ceil(most / SHARE));
    this.#mark(item);
    this.#notices++;
  }

  /** Something came that is not to be read: a handler took it, or it is a confirmation that is ignored. */
  handled(): void {
    if (this.#first !== null) {
      this.#offer(this.#first, null);
      return;
    }
    this.#handled++;
  }

  /** The next item; `null`: a handler took it; `undefined`: there is none. */
  shift(): Item | null | undefined {
    for (;;) {
      const mark = this.#marks.peek();
      const dropped = this.#droppedOldest;
      const reserved = this.#reserved;
      if (reserved !== null && (mark === undefined || mark.before > reserved.number)) {
        this.#reserved = null;
        this.#backlog.remove(reserved.size);
        return reserved.item;
      }
      if (reserved === null && dropped !== null && (mark === undefined || mark.before > dropped.before)) {
        this.#droppedOldest = null;
        const gap = this.#owner.dropped(dropped.what);
        if (gap === null) continue;
        this.#reserve();
        return gap;
      }
      if (mark !== undefined && mark.before <= this.#left) {
        const item = this.#takeMark(mark);
        if (item !== undefined) return item;
      } else {
        const message = this.#takeMessage();
        if (message !== undefined || this.#handled === 0) return message;
        this.#handled--;
        return null;
      }
    }
  }

  /** The next item, past all that handlers took; `undefined`: there is none. */
  shiftItem(): Item | undefined {
    let item = this.shift();
    while (item === null) {
      const mark = this.#marks.peek();
      if (mark?.what instanceof Handled) this.#marks.shift();
      else if (mark === undefined && this.pending === 0) this.#handled = 0;
      item = this.shift();
    }
    return item;
  }

  wait(reader: Reader): void {
    this.#readers.add(reader);
    this.#first ??= reader;
  }

  /** The reader waits no longer; false if it did not. */
  leave(reader: Reader): boolean {
    const waited = this.#readers.delete(reader);
    if (this.#first === reader) {
      const [next = null] = this.#readers;
      this.#first = next;
      this.#batch = null;
    }
    return waited;
  }

  /** Nothing is wanted any more: lets the readers go that wait for no other time. */
  idle(): void {
    for (const reader of this.#readers) if (reader.idle()) this.leave(reader);
  }

  /** Discards all and lets every reader go. */
  close(): void {
    this.clear();
    for (const reader of this.#take()) reader.closed();
  }

  /** Discards what is unread. */
  clear(): void {
    this.#messages.clear();
    this.#reserved = null;
    this.#sizes.clear();
    this.#marks.clear();
    this.#droppedOldest = null;
    this.#notices = 0;
    this.#handled = 0;
  }

  /** Lets every reader go with the cause; what is here stays readable. */
  fail(cause: unknown): void {
    for (const reader of this.#take()) reader.failed(cause);
  }

  /** The unread messages, oldest first. */
  *messages(): Generator<Published> {
    if (this.#reserved !== null) yield this.#reserved.item;
    yield* this.#messages;
  }

  /** What was dropped, and is not told yet. */
  *dropped(): Generator<Dropped> {
    if (this.#droppedOldest !== null) yield this.#droppedOldest.what;
    for (const { what } of this.#marks) if (!isHandledOrItem(what)) yield what;
  }

  // ---

  /** The number of the message that comes next. */
  get #next(): number {
    return this.#left + this.#messages.size;
  }

  #mark(what: Mark["what"]): void {
    if (this.#handled > 0) this.#markHandled();
    this.#marks.push({ before: this.#next, what });
  }

  /** Something comes behind what handlers took. */
  #markHandled(): void {
    const what = new Handled(this.#handled);
    this.#handled = 0;
    this.#marks.push({ before: this.#next, what });
  }

  #reserve(): void {
    const item = this.#messages.shift();
    if (item === undefined) return;
    this.#reserved = { item, size: this.#sizes.shift() as number, number: this.#left };
    this.#left++;
  }

  #takeMessage(): Published | undefined {
    const item = this.#messages.shift();
    if (item === undefined) return undefined;
    this.#left++;
    this.#backlog.remove(this.#sizes.shift() as number);
    return item;
  }

  /** `undefined`: it is nothing to read. */
  #takeMark({ what }: Mark): Item | null | undefined {
    if (what instanceof Handled) {
      if (--what.count === 0) this.#marks.shift();
      return null;
    }
    this.#marks.shift();
    if (!isItem(what)) return this.#owner.dropped(what) ?? undefined;
    this.#notices--;
    return what;
  }

  /** False: the message itself is dropped. */
  #makeRoom(item: Published, size: number): boolean {
    const { overflow } = this.#backlog;
    if (overflow === "error") {
      this.#owner.overflowed();
      return false;
    }
    if (overflow === "drop-oldest") {
      while (!this.#backlog.admits(size) && this.#messages.size > 0) {
        this.#droppedOldest ??= { before: this.#left, what: this.#owner.dropping() };
        const oldest = this.#takeMessage();
        if (oldest !== undefined) this.#droppedOldest.what.add(oldest);
      }
      if (this.#backlog.admits(size)) return true;
    }
    const last = this.#marks.peekLast();
    const open = last !== undefined && last.before === this.#next && !isHandledOrItem(last.what) ? last.what : null;
    const dropped = open ?? this.#owner.dropping();
    if (open === null) this.#mark(dropped);
    dropped.add(item);
    return false;
  }

  /** Readers only wait where the queue is empty: the first one takes the item, be it to skip it. */
  #offer(first: Reader, item: Item | null): void {
    if (first.offer(item)) this.leave(first);
    else this.#batch = first.batch;
  }

  #take(): Reader[] {
    const readers = [...this.#readers];
    this.#readers.clear();
    this.#first = null;
    this.#batch = null;
    return readers;
  }

  #dropNotices(count: number): void {
    const marks = [...this.#marks];
    this.#marks.clear();
    let left = count;
    for (const mark of marks) {
      const last = this.#marks.peekLast();
      const { what } = mark;
      if (left > 0 && isItem(what)) left--;
      else if (what instanceof Handled && last?.what instanceof Handled && last.before === mark.before)
        last.what.count += what.count;
      else this.#marks.push(mark);
    }
    this.#notices -= count;
    this.#droppedNotices += count;
  }
}

function isItem(what: Mark["what"]): what is Item {
  return "type" in what;
}

function isHandledOrItem(what: Mark["what"]): what is Item | Handled {
  return what instanceof Handled || isItem(what);
}
