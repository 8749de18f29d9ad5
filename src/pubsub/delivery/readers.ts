import { Deferred } from "../../core/deferred.ts";
import { ClosedError } from "../../errors.ts";
import { isConfirmation, type Reader } from "./inbox.ts";
import type { Item } from "./read-queue.ts";

/** What `getMessage` waits with: anything that comes settles it, `null` where there is nothing to show. */
export class GetReader implements Reader {
  readonly batch = null;
  readonly #deferred: Deferred<Item | null> = new Deferred();
  readonly #ignoreConfirmations: boolean;

  constructor(ignoreConfirmations: boolean) {
    this.#ignoreConfirmations = ignoreConfirmations;
  }

  get result(): Promise<Item | null> {
    return this.#deferred.promise;
  }

  offer(item: Item | null): boolean {
    this.#deferred.resolve(item !== null && this.#ignoreConfirmations && isConfirmation(item) ? null : item);
    return true;
  }

  idle(): boolean {
    return false;
  }

  closed(): void {
    this.#deferred.resolve(null);
  }

  failed(cause: unknown): void {
    this.#deferred.reject(cause);
  }
}

/** What `receive` waits with: the next published message, past everything else. */
export class ReceiveReader implements Reader {
  readonly batch = null;
  readonly #deferred: Deferred<Item> = new Deferred();

  get result(): Promise<Item> {
    return this.#deferred.promise;
  }

  offer(item: Item | null): boolean {
    if (item === null || isConfirmation(item)) return false;
    this.#deferred.resolve(item);
    return true;
  }

  idle(): boolean {
    return false;
  }

  closed(): void {
    this.#deferred.reject(new ClosedError("The consumer was closed while a message was awaited."));
  }

  failed(cause: unknown): void {
    this.#deferred.reject(cause);
  }
}

/** How an iterator reads. */
export interface IterationOptions {
  /** Published messages only, no confirmations. */
  readonly published: boolean;
  /** Whether it ends when nothing is wanted and the queue is empty, or only when the consumer closes. */
  readonly untilClosed: boolean;
}

/** What an iterator's `next` waits with. */
export class NextReader implements Reader {
  readonly batch = null;
  readonly #deferred: Deferred<IteratorResult<Item, undefined>> = new Deferred();
  readonly #options: IterationOptions;
  readonly #taken: () => void;

  /** `taken` is called when an item is. */
  constructor(options: IterationOptions, taken: () => void) {
    this.#options = options;
    this.#taken = taken;
  }

  get result(): Promise<IteratorResult<Item, undefined>> {
    return this.#deferred.promise;
  }

  offer(item: Item | null): boolean {
    if (item === null || (this.#options.published && isConfirmation(item))) return false;
    this.#taken();
    this.#deferred.resolve({ done: false, value: item });
    return true;
  }

  idle(): boolean {
    if (this.#options.untilClosed) return false;
    this.closed();
    return true;
  }

  closed(): void {
    this.#deferred.resolve({ done: true, value: undefined });
  }

  failed(cause: unknown): void {
    this.#deferred.reject(cause);
  }
}

/** What `batches()` waits with: the first item, and all that comes in the same turn of the event loop. */
export class BatchReader implements Reader {
  readonly #deferred: Deferred<IteratorResult<Item[], undefined>> = new Deferred();
  readonly #untilClosed: boolean;
  readonly #full: (reader: BatchReader) => void;
  readonly #taken: () => void;
  readonly #batch: Item[] = [];

  /** `full` is called at the end of the turn in which the first item came, `taken` when it comes. */
  constructor(untilClosed: boolean, on: { readonly full: (reader: BatchReader) => void; readonly taken: () => void }) {
    this.#untilClosed = untilClosed;
    this.#full = on.full;
    this.#taken = on.taken;
  }

  get result(): Promise<IteratorResult<Item[], undefined>> {
    return this.#deferred.promise;
  }

  get batch(): Item[] | null {
    return this.#batch.length === 0 ? null : this.#batch;
  }

  offer(item: Item | null): boolean {
    if (item === null || isConfirmation(item)) return false;
    if (this.#batch.length === 0) {
      this.#taken();
      process.nextTick(() => this.#full(this));
    }
    this.#batch.push(item);
    return false;
  }

  /** Ends the wait: with what has come, or with the end. */
  settle(): void {
    const done = this.#batch.length === 0;
    this.#deferred.resolve(done ? { done: true, value: undefined } : { done: false, value: this.#batch });
  }

  idle(): boolean {
    if (!this.#untilClosed) this.settle();
    return !this.#untilClosed;
  }

  closed(): void {
    this.settle();
  }

  failed(cause: unknown): void {
    if (this.#batch.length > 0) this.settle();
    else this.#deferred.reject(cause);
  }
}
