import type { Moment } from "../../core/moment.ts";
import type { PublishedMessage } from "../model/message.ts";
import type { Backlog } from "./backlog.ts";
import type { Dropped } from "./dropped.ts";
import { type Item, ReadQueue, type ReadQueueOwner } from "./read-queue.ts";

type Published = PublishedMessage<unknown, unknown>;

/** Whether an item confirms; what is left out where only messages and gaps are wanted. */
export function isConfirmation(item: Item): boolean {
  return item.type !== "message" && item.type !== "pmessage" && item.type !== "gap";
}

/** Waits for what comes next. */
export interface Reader {
  /** Takes the item that has come; false if it still waits. The item is gone either way. `null`: one a handler took. */
  offer(item: Item | null): boolean;
  /** Where messages that come while it still waits are put, if it has begun to collect them. */
  readonly batch: Item[] | null;
  /** The queue will stay empty unless there is another subscribe; true if that ends the wait. */
  idle(): boolean;
  /** The consumer was closed. */
  closed(): void;
  /** The consumer failed. */
  failed(cause: unknown): void;
}

/**
 * The one queue of a consumer, and those who read it. Items go to the readers that wait, in the order of their calls, or
 * lie here in the order of their arrival.
 */
export class Inbox {
  readonly #queue: ReadQueue;
  /** In the order of their calls. */
  readonly #readers: Set<Reader> = new Set();
  /** The one whose turn it is, at hand for every message. */
  #first: Reader | null = null;
  /** What it has begun to collect. */
  #batch: Item[] | null = null;

  constructor(backlog: Backlog, owner: ReadQueueOwner) {
    this.#queue = new ReadQueue(backlog, owner);
  }

  /** Unread published messages. */
  get pending(): number {
    return this.#queue.pending;
  }

  /** Confirmations and gaps that were not read and that made room for newer ones. */
  get droppedNotices(): number {
    return this.#queue.droppedNotices;
  }

  /** Whether nothing is left to read; what handlers took does not count. */
  get empty(): boolean {
    return this.#queue.empty;
  }

  /** Whether a reader waits. */
  get awaited(): boolean {
    return this.#readers.size > 0;
  }

  /** A published message, whose payload has `size` bytes; its server took it after `source.proof`. */
  push(item: Published, size: number, source: { readonly proof: Moment }): void {
    if (this.#batch !== null) this.#batch.push(item);
    else if (this.#first !== null) this.#offer(this.#first, item);
    else this.#queue.push(item, size, source.proof);
  }

  /** A confirmation or a gap; `wanted` names bound how many are kept. */
  notice(item: Item, wanted: number): void {
    if (this.#first !== null) this.#offer(this.#first, item);
    else this.#queue.notice(item, wanted);
  }

  /** Something came that is not to be read: a handler took it, or it is a confirmation that is ignored. */
  handled(): void {
    if (this.#first !== null) this.#offer(this.#first, null);
    else this.#queue.handled();
  }

  /** The next item; `null`: a handler took it; `undefined`: there is none. */
  shift(): Item | null | undefined {
    return this.#queue.shift();
  }

  /** The next item, past all that handlers took; `undefined`: there is none. */
  shiftItem(): Item | undefined {
    return this.#queue.shiftItem();
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
    this.#queue.clear();
    for (const reader of this.#take()) reader.closed();
  }

  /** Gives up what is unread: messages go to `left`; what was dropped before, and is not told yet, is returned. */
  abandon(left: Dropped): Dropped[] {
    return this.#queue.abandon(left);
  }

  /** Lets every reader go with the cause; what is here stays readable. */
  fail(cause: unknown): void {
    for (const reader of this.#take()) reader.failed(cause);
  }

  // ---

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
}
