import { onAbort, throwIfAborted } from "../../core/abort.ts";
import { boolean, checkOptions, signal as isSignal, numeric, oneOf } from "../../core/checks.ts";
import { ClosedError, TimeoutError } from "../../errors.ts";
import type { GetMessageOptions, ItemIterator, MessagesOptions, ReceiveOptions } from "../model/types.ts";
import type { Registry } from "../subscriptions/registry.ts";
import type { Delivery } from "./delivery.ts";
import { HandlerSink } from "./handler.ts";
import { isConfirmation, type Reader } from "./inbox.ts";
import type { Item } from "./read-queue.ts";
import { BatchReader, GetReader, type IterationOptions, NextReader, ReceiveReader } from "./readers.ts";

const waiting = numeric(
  "a number of milliseconds from 0, below 2^31 or Infinity",
  (value) => value === Number.POSITIVE_INFINITY || (value >= 0 && value < 2 ** 31),
);
const receiveOptions = { timeout: waiting, signal: isSignal };
const getOptions = { ...receiveOptions, ignoreSubscribeMessages: boolean };
const messagesOptions = { signal: isSignal, closeOnReturn: boolean, until: oneOf("closed") };

type Result<T> = IteratorResult<T, undefined>;
type Waiter<T> = Reader & { readonly result: Promise<T> };

const END: Result<never> = Object.freeze({ done: true, value: undefined });

/**
 * The ways to read a consumer's inbox: one at a time, by iterator, in batches. Each takes what is there, or waits in
 * line behind those who asked before.
 */
export class Readers {
  readonly #delivery: Delivery;
  readonly #consumer: { close(): Promise<void> };

  constructor(delivery: Delivery, consumer: { close(): Promise<void> }) {
    this.#delivery = delivery;
    this.#consumer = consumer;
  }

  async get(options: GetMessageOptions = {}): Promise<Item | null> {
    checkOptions("getMessage", options, getOptions);
    const ignores = options.ignoreSubscribeMessages ?? this.#delivery.ignoresConfirmations;
    this.#assertOpen(options.signal);
    const item = this.#delivery.inbox.shift();
    if (item !== undefined) {
      this.#delivery.settle();
      return item !== null && ignores && isConfirmation(item) ? null : item;
    }
    this.#assertAlive();
    return this.#wait(new GetReader(ignores), options, () => null);
  }

  async receive(options: ReceiveOptions = {}): Promise<Item> {
    checkOptions("receive", options, receiveOptions);
    this.#assertOpen(options.signal);
    const item = this.#next(true);
    this.#delivery.settle();
    if (item !== undefined) return item;
    this.#assertAlive();
    return this.#wait(new ReceiveReader(), options, () => {
      throw new TimeoutError(`No message within ${options.timeout} ms.${whyNothing(this.#delivery.engine.registry)}`);
    });
  }

  items(): ItemIterator<Item> {
    return this.#iterator({ published: false, untilClosed: false }, {});
  }

  messages(options: MessagesOptions = {}): ItemIterator<Item> {
    checkOptions("messages", options, messagesOptions);
    return this.#iterator({ published: true, untilClosed: options.until === "closed" }, options);
  }

  batches(options: MessagesOptions = {}): ItemIterator<Item[]> {
    checkOptions("batches", options, messagesOptions);
    const { inbox } = this.#delivery;
    const untilClosed = options.until === "closed";
    return new ReadingIterator<Item[]>(
      () => {
        const batch: Item[] = [];
        for (let item = this.#next(true); item !== undefined; item = this.#next(true)) batch.push(item);
        return batch.length > 0 ? { done: false, value: batch } : this.#endedBy(untilClosed);
      },
      (taken) =>
        new BatchReader(untilClosed, {
          taken,
          full: (reader) => {
            inbox.leave(reader);
            reader.settle();
          },
        }),
      this.#hooks(options),
    );
  }

  // ---

  #iterator(how: IterationOptions, options: MessagesOptions): ItemIterator<Item> {
    return new ReadingIterator<Item>(
      () => {
        const item = this.#next(how.published);
        return item !== undefined ? { done: false, value: item } : this.#endedBy(how.untilClosed);
      },
      (taken) => new NextReader(how, taken),
      this.#hooks(options),
    );
  }

  #hooks({ signal, closeOnReturn }: MessagesOptions): IteratorHooks {
    return {
      delivery: this.#delivery,
      signal,
      left: closeOnReturn === true ? () => this.#consumer.close() : () => Promise.resolve(),
    };
  }

  /** The next item to show an iterator, past what handlers took; with `published`, past confirmations too. */
  #next(published: boolean): Item | undefined {
    const { inbox } = this.#delivery;
    let item = inbox.shiftItem();
    while (published && item !== undefined && isConfirmation(item)) item = inbox.shiftItem();
    return item;
  }

  /** With nothing there: the end, or `undefined` where it is worth waiting. Throws the cause of a failed consumer. */
  #endedBy(untilClosed: boolean): Result<never> | undefined {
    const { engine } = this.#delivery;
    if (engine.state === "closed") return END;
    this.#assertAlive();
    return !untilClosed && engine.started && engine.empty ? END : undefined;
  }

  #assertOpen(signal: AbortSignal | undefined): void {
    if (signal !== undefined) throwIfAborted(signal);
    if (this.#delivery.engine.state === "closed") throw new ClosedError("The consumer is closed.");
  }

  #assertAlive(): void {
    if (this.#delivery.engine.state === "failed") throw this.#delivery.engine.failure;
  }

  /** Waits in line, for so long; a reader that gave up has taken nothing. */
  async #wait<T, L>(reader: Waiter<T>, { timeout, signal }: ReceiveOptions, late: () => L): Promise<T | L> {
    if (timeout === 0) return late();
    const { inbox } = this.#delivery;
    inbox.wait(reader);
    if ((timeout === undefined || timeout === Number.POSITIVE_INFINITY) && signal === undefined) return reader.result;
    let timer: NodeJS.Timeout | undefined;
    let abort: Disposable | undefined;
    const given = new Promise<L>((resolve, reject) => {
      const giveUp = (settle: () => void) => {
        inbox.leave(reader);
        settle();
      };
      if (signal) abort = onAbort(signal, () => giveUp(() => reject(signal.reason)));
      if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return;
      timer = setTimeout(
        () =>
          giveUp(() => {
            try {
              resolve(late());
            } catch (error) {
              reject(error);
            }
          }),
        timeout,
      );
    });
    try {
      return await Promise.race([reader.result, given]);
    } finally {
      clearTimeout(timer);
      abort?.[Symbol.dispose]();
    }
  }
}

/** What is wanted may be why nothing comes to be read. */
function whyNothing(registry: Registry): string {
  const wanted = [...registry].filter((entry) => entry.wanted);
  if (wanted.length === 0) return " Nothing is subscribed.";
  const glob = wanted.find(({ kind, name }) => kind !== "pattern" && /[*?[]/.test(name.toString()));
  if (glob !== undefined)
    return ` ${JSON.stringify(glob.name.toString())} is a channel here; a pattern takes psubscribe().`;
  const handled = wanted.filter(({ sink }) => sink instanceof HandlerSink);
  if (handled.length === wanted.length) return " All that is subscribed has handlers, which take the messages.";
  const [first] = handled;
  return first === undefined
    ? ""
    : ` ${JSON.stringify(first.name.toString())} has a handler, which takes its messages.`;
}

interface IteratorHooks {
  readonly delivery: Pick<Delivery, "inbox" | "working" | "settle">;
  readonly signal: AbortSignal | undefined;
  /** The loop was left. */
  left(): Promise<void>;
}

/** A reader that an iterator can end by itself. */
interface IteratorReader<T> extends Waiter<Result<T>> {
  closed(): void;
}

/** An object, not a generator: `return()` settles a pending `next()` at once instead of waiting behind it. */
class ReadingIterator<T> implements ItemIterator<T> {
  readonly #take: () => Result<T> | undefined;
  readonly #reader: (taken: () => void) => IteratorReader<T>;
  readonly #hooks: IteratorHooks;
  readonly #waiting: Set<IteratorReader<T>> = new Set();
  #abort: Disposable | null = null;
  #ended = false;
  readonly #taken = (): void => this.#setWorking(true);
  /** Whether an item was taken, and the user has not come back for the next one. */
  #working = false;

  constructor(
    take: () => Result<T> | undefined,
    reader: (taken: () => void) => IteratorReader<T>,
    hooks: IteratorHooks,
  ) {
    this.#take = take;
    this.#reader = reader;
    this.#hooks = hooks;
  }

  next(): Promise<Result<T>> {
    this.#setWorking(false);
    if (this.#ended || this.#hooks.signal?.aborted) {
      this.#hooks.delivery.settle();
      return this.#after();
    }
    try {
      const result = this.#take();
      if (result !== undefined && !result.done) this.#setWorking(true);
      this.#hooks.delivery.settle();
      if (result === undefined) return this.#wait();
      if (result.done) this.#end();
      return Promise.resolve(result);
    } catch (error) {
      this.#end();
      return Promise.reject(error);
    }
  }

  async return(): Promise<Result<T>> {
    this.#setWorking(false);
    this.#hooks.delivery.settle();
    for (const reader of this.#leave()) reader.closed();
    this.#ended = true;
    await this.#hooks.left();
    return END;
  }

  async throw(error: unknown): Promise<Result<T>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** An abort is told once; after that the iterator is at its end like any other. */
  #after(): Promise<Result<T>> {
    const { signal } = this.#hooks;
    if (!signal?.aborted || this.#ended) return Promise.resolve(END);
    this.#end();
    return Promise.reject(signal.reason);
  }

  #wait(): Promise<Result<T>> {
    const reader = this.#reader(this.#taken);
    const {
      delivery: { inbox },
      signal,
    } = this.#hooks;
    this.#waiting.add(reader);
    inbox.wait(reader);
    // The signal may outlive everything here; it is listened to only while a reader waits.
    if (signal !== undefined) {
      this.#abort ??= onAbort(signal, () => this.#aborted(signal.reason));
    }
    const forget = (result?: Result<T>) => {
      this.#waiting.delete(reader);
      if (this.#waiting.size === 0) this.#unlisten();
      if (result === undefined || result.done) this.#end();
    };
    reader.result.then(forget, () => forget());
    return reader.result;
  }

  /** Readers that wait with nothing are told now; if there is none, the next call is. */
  #aborted(reason: unknown): void {
    for (const reader of this.#leave()) {
      if (reader.batch === null) this.#ended = true;
      reader.failed(reason);
    }
  }

  #end(): void {
    this.#leave();
    this.#ended = true;
  }

  /** Ends all waits; returns the readers that waited. */
  #leave(): IteratorReader<T>[] {
    this.#unlisten();
    const readers = [...this.#waiting].filter((reader) => this.#hooks.delivery.inbox.leave(reader));
    this.#waiting.clear();
    return readers;
  }

  #setWorking(working: boolean): void {
    if (this.#working === working) return;
    this.#working = working;
    this.#hooks.delivery.working += working ? 1 : -1;
  }

  #unlisten(): void {
    this.#abort?.[Symbol.dispose]();
    this.#abort = null;
  }
}
