import { currentMoment, type Moment } from "../../core/moment.ts";
import type { PublishedMessage } from "../model/message.ts";
import type { AnyItem } from "../model/types.ts";
import type { Backlog } from "./backlog.ts";
import type { Dropped } from "./dropped.ts";
import { Unread } from "./unread.ts";

/** An item of the queue. */
export type Item = AnyItem;
type Published = PublishedMessage<unknown, unknown>;

/** What a queue of items tells. */
export interface ReadQueueOwner {
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
  next: Mark | null;
}

/**
 * What a consumer has to read, in the order of arrival: messages in one ring, and all else as marks between them.
 *
 *     messages       m7        m8   m9              (m5 and m6 were dropped)
 *     marks      dropped(2)  handled(3)  confirmation
 *     before         5           8           10
 *
 * Its memory is bounded by the messages and notices that it holds: of marks of one kind that come to lie side by side, be
 * it because what lay between them was dropped, one is made.
 */
export class ReadQueue {
  readonly #backlog: Backlog;
  readonly #owner: ReadQueueOwner;
  readonly #messages: Unread = new Unread();
  #firstMark: Mark | null = null;
  #lastMark: Mark | null = null;
  /** So many that handlers took lie behind all else. */
  #handled = 0;
  /** The record of the oldest messages, which were dropped. */
  #droppedOldest: Mark | null = null;
  /** The last mark behind it that lies before the oldest message, and so does not move away from it any more. */
  #settled: Mark | null = null;
  /** A record of the newest messages, which were dropped; nothing but {@link Handled} lies behind it. */
  #droppedNewest: Mark | null = null;
  /** Records of dropped messages. */
  #records = 0;
  /**
   * The message behind a gap that was read: it is not dropped any more. Else a slow reader would read gaps alone, for while
   * one is read the messages behind it are dropped.
   */
  #reserved: { readonly item: Published; readonly size: number; readonly number: number; since: Moment } | null = null;
  #notices = 0;
  #droppedNotices = 0;

  constructor(backlog: Backlog, owner: ReadQueueOwner) {
    this.#backlog = backlog;
    this.#owner = owner;
  }

  /** Unread published messages. */
  get pending(): number {
    return this.#messages.size + (this.#reserved === null ? 0 : 1);
  }

  /** Confirmations and gaps that were not read and that made room for newer ones. */
  get droppedNotices(): number {
    return this.#droppedNotices;
  }

  /** Whether nothing is left to read; what handlers took does not count. */
  get empty(): boolean {
    return this.pending === 0 && this.#notices === 0 && this.#records === 0;
  }

  /** A published message, whose payload has `size` bytes; the server took it after `proof`. */
  push(item: Published, size: number, proof: Moment): void {
    if (!this.#backlog.admits(size) && !this.#makeRoom(item, size, proof)) return;
    if (this.#handled > 0) this.#markHandled();
    this.#messages.push(item, size, proof);
    this.#backlog.add(size);
  }

  /** A confirmation or a gap; `wanted` names bound how many are kept. */
  notice(item: Item, wanted: number): void {
    const most = Math.max(NOTICES, 2 * wanted);
    if (this.#notices >= most) this.#dropNotices(Math.ceil(most / SHARE));
    this.#append(item);
    this.#notices++;
  }

  /** Something came that is not to be read: a handler took it, or it is a confirmation that is ignored. */
  handled(): void {
    this.#handled++;
  }

  /** The next item; `null`: a handler took it; `undefined`: there is none. */
  shift(): Item | null | undefined {
    for (;;) {
      const mark = this.#firstMark;
      const reserved = this.#reserved;
      if (reserved !== null && (mark === null || mark.before > reserved.number)) {
        this.#reserved = null;
        this.#backlog.remove(reserved.size);
        return reserved.item;
      }
      if (mark !== null && mark.before <= this.#messages.first) {
        const item = this.#takeMark(mark);
        if (item !== undefined) return item;
        continue;
      }
      if (this.#messages.size > 0) {
        const size = this.#messages.oldestSize;
        const message = this.#messages.shift();
        this.#backlog.remove(size);
        return message;
      }
      if (this.#handled === 0) return undefined;
      this.#handled--;
      return null;
    }
  }

  /** The next item, past all that handlers took; `undefined`: there is none. */
  shiftItem(): Item | undefined {
    let item = this.shift();
    while (item === null) {
      const mark = this.#firstMark;
      if (mark?.what instanceof Handled) this.#removeFirst(mark);
      else if (mark === null && this.pending === 0) this.#handled = 0;
      item = this.shift();
    }
    return item;
  }

  /** Discards what is unread. */
  clear(): void {
    this.#messages.clear();
    this.#reserved = null;
    this.#firstMark = this.#lastMark = null;
    this.#droppedOldest = this.#droppedNewest = this.#settled = null;
    this.#records = 0;
    this.#notices = 0;
    this.#handled = 0;
  }

  /** Gives up what is unread: the messages go to `left`; what was dropped before, and is not told yet, is returned. */
  abandon(left: Dropped): Dropped[] {
    const untold: Dropped[] = [];
    for (let mark = this.#firstMark; mark !== null; mark = mark.next) {
      if (isRecord(mark.what)) untold.push(mark.what);
    }
    if (this.#reserved !== null) left.add(this.#reserved.item, this.#reserved.since, this.#reserved.since);
    while (this.#messages.dropOldest(left));
    this.clear();
    return untold;
  }

  // ---

  #append(what: Mark["what"]): Mark {
    if (this.#handled > 0) this.#markHandled();
    if (!(what instanceof Handled)) this.#droppedNewest = null;
    return this.#link(what);
  }

  #link(what: Mark["what"]): Mark {
    const mark: Mark = { before: this.#messages.next, what, next: null };
    if (this.#lastMark === null) this.#firstMark = mark;
    else this.#lastMark.next = mark;
    this.#lastMark = mark;
    return mark;
  }

  /** Something comes behind what handlers took. */
  #markHandled(): void {
    const last = this.#lastMark;
    if (last?.what instanceof Handled && last.before === this.#messages.next) last.what.count += this.#handled;
    else this.#link(new Handled(this.#handled));
    this.#handled = 0;
  }

  #removeFirst(mark: Mark): void {
    this.#firstMark = mark.next;
    if (mark.next === null) this.#lastMark = null;
    if (mark === this.#droppedOldest) this.#droppedOldest = this.#settled = null;
    if (mark === this.#settled) this.#settled = this.#droppedOldest;
    if (mark === this.#droppedNewest) this.#droppedNewest = null;
  }

  /** `undefined`: it is nothing to read. */
  #takeMark(mark: Mark): Item | null | undefined {
    const { what } = mark;
    if (what instanceof Handled) {
      if (--what.count === 0) this.#removeFirst(mark);
      return null;
    }
    const oldest = mark === this.#droppedOldest;
    this.#removeFirst(mark);
    if (isRecord(what)) {
      this.#records--;
      const gap = this.#owner.dropped(what);
      if (gap !== null && oldest) this.#reserve();
      return gap ?? undefined;
    }
    this.#notices--;
    return what;
  }

  #reserve(): void {
    if (this.#messages.size === 0) return;
    const [size, number, { since }] = [this.#messages.oldestSize, this.#messages.first, this.#messages.oldestWindow()];
    const item = this.#messages.shift();
    if (item !== undefined) this.#reserved = { item, size, number, since };
  }

  /** False: the message itself is dropped. */
  #makeRoom(item: Published, size: number, proof: Moment): boolean {
    const { overflow } = this.#backlog;
    if (overflow === "error") {
      this.#owner.overflowed();
      return false;
    }
    if (overflow === "drop-oldest") {
      while (!this.#backlog.admits(size) && this.#messages.size > 0) this.#dropOldest();
      if (this.#backlog.admits(size)) return true;
    }
    this.#dropNewest(item, proof);
    return false;
  }

  #dropOldest(): void {
    this.#droppedOldest ??= this.#insertRecord();
    const size = this.#messages.oldestSize;
    this.#messages.dropOldest(this.#droppedOldest.what as Dropped);
    this.#backlog.remove(size);
    this.#settle();
  }

  /** A record behind the marks that lie before the oldest message. */
  #insertRecord(): Mark {
    let before: Mark | null = null;
    let behind = this.#firstMark;
    while (behind !== null && behind.before <= this.#messages.first) {
      before = behind;
      behind = behind.next;
    }
    const record: Mark = { before: this.#messages.first, what: this.#owner.dropping(), next: behind };
    if (before === null) this.#firstMark = record;
    else before.next = record;
    if (behind === null) this.#lastMark = record;
    this.#records++;
    this.#settled = record;
    return record;
  }

  /** Makes one of marks of a kind that now lie side by side before the oldest message. */
  #settle(): void {
    const record = this.#droppedOldest;
    if (record === null) return;
    let settled = this.#settled ?? record;
    for (let mark = settled.next; mark !== null && mark.before <= this.#messages.first; mark = settled.next) {
      if (mark.what instanceof Handled && settled.what instanceof Handled) {
        settled.what.count += mark.what.count;
        this.#unlinkBehind(settled, mark);
      } else if (isRecord(mark.what)) {
        (record.what as Dropped).absorb(mark.what);
        this.#records--;
        this.#unlinkBehind(settled, mark);
      } else {
        settled = mark;
      }
    }
    this.#settled = settled;
  }

  #unlinkBehind(before: Mark, mark: Mark): void {
    before.next = mark.next;
    if (mark === this.#lastMark) this.#lastMark = before;
    if (mark === this.#droppedNewest) this.#droppedNewest = null;
  }

  #dropNewest(item: Published, proof: Moment): void {
    let record = this.#droppedNewest;
    if (record === null || record.before !== this.#messages.next) {
      record = this.#append(this.#owner.dropping());
      this.#records++;
      this.#droppedNewest = record;
    }
    (record.what as Dropped).add(item, proof, currentMoment());
  }

  #dropNotices(count: number): void {
    let left = count;
    let before: Mark | null = null;
    for (let mark = this.#firstMark; mark !== null; mark = mark.next) {
      const { what } = mark;
      if (left > 0 && isItem(what)) left--;
      else if (what instanceof Handled && before?.what instanceof Handled && before.before === mark.before)
        before.what.count += what.count;
      else {
        before = mark;
        continue;
      }
      if (before === null) this.#firstMark = mark.next;
      else before.next = mark.next;
    }
    this.#lastMark = before;
    this.#settled = this.#droppedOldest;
    this.#notices -= count;
    this.#droppedNotices += count;
  }
}

function isItem(what: Mark["what"]): what is Item {
  return "type" in what;
}

function isRecord(what: Mark["what"]): what is Dropped {
  return !(what instanceof Handled) && !isItem(what);
}
