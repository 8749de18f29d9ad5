import type { AsyncResource } from "node:async_hooks";
import { isThenable } from "../../core/deferred.ts";
import { currentMoment, type Moment } from "../../core/moment.ts";
import type { Payload } from "../../resp/reply.ts";
import type { PublishedMessage } from "../model/message.ts";
import type { Entry, Sink } from "../subscriptions/entry.ts";
import type { Backlog } from "./backlog.ts";
import type { Dropped } from "./dropped.ts";
import type { Registration } from "./reports.ts";
import { Unread } from "./unread.ts";

/** A message as handlers see it inside the library. */
export type AnyPublished = PublishedMessage<unknown, unknown>;

/** What a user registers for a channel or pattern. A promise that it returns is awaited before its next message. */
export type AnyHandler = (message: AnyPublished) => unknown;

/** What handlers need of their consumer. */
export interface HandlerHost {
  /** Makes the messages. */
  readonly decoding: { message(entry: Entry, payload: Payload, channel: string | null): AnyPublished | null };
  /** A handler takes a message: it leaves its mark in the order of things to read. */
  handled(): void;
  /** What waits behind async handlers counts. */
  readonly backlog: Backlog;
  /** A record of messages to drop, which begins now. */
  dropping(): Dropped;
  /** Messages were dropped, and their place in the order is reached. */
  droppedBehindHandler(dropped: Dropped): void;
  /** A message does not fit, and none is to be dropped for it. */
  overflowed(): void;
  handlerFailed(message: AnyPublished, error: unknown, registration: Registration): void;
  /** The queue of a channel or pattern whose handler is at work; `null` where none is. */
  queueOf(entry: Entry): HandlerQueue | null;
  /** Messages queue behind an async handler... */
  busy(queue: HandlerQueue): void;
  /** ...and none is left. */
  idle(queue: HandlerQueue): void;
}

/** What a queue is known by: the handlers of a name, one replacing the other, never run at the same time. */
export function queueIdOf({ kind, key }: Entry): string {
  return `${kind}:${key}`;
}

/** Hands the messages of channels or patterns to their handler; those of many may have the same. */
export class HandlerSink implements Sink {
  readonly handler: AnyHandler;
  readonly #host: HandlerHost;
  readonly #context: AsyncResource;
  readonly #registration: Registration;

  /** The handler runs in the asynchronous context that `context` holds. */
  constructor(
    host: HandlerHost,
    handler: AnyHandler,
    { context, registration }: { readonly context: AsyncResource; readonly registration: Registration },
  ) {
    this.#host = host;
    this.handler = handler;
    this.#context = context;
    this.#registration = registration;
  }

  failed(message: AnyPublished, error: unknown): void {
    this.#host.handlerFailed(message, error, this.#registration);
  }

  message(entry: Entry, payload: Payload): void {
    const size = payload.byteLength;
    this.#take(entry, this.#host.decoding.message(entry, payload, null), size);
  }

  pmessage(entry: Entry, channel: string, payload: Payload): void {
    const size = payload.byteLength;
    this.#take(entry, this.#host.decoding.message(entry, payload, channel), size);
  }

  /** Calls the handler; what it returns, if that is to be awaited. */
  call(message: AnyPublished): PromiseLike<unknown> | null {
    try {
      const result = this.#context.runInAsyncScope(this.handler, undefined, message);
      return isThenable(result) ? result : null;
    } catch (error) {
      this.failed(message, error);
      return null;
    }
  }

  #take(entry: Entry, message: AnyPublished | null, size: number): void {
    if (message === null) return;
    this.#host.handled();
    const queue = this.#host.queueOf(entry);
    if (queue !== null) {
      queue.add(entry, message, size);
      return;
    }
    const result = this.call(message);
    if (result !== null) new HandlerQueue(this.#host, queueIdOf(entry)).start(this, message, result);
  }
}

/**
 * What has arrived for a channel or pattern while an async handler of it runs. Each message goes to the handler that is
 * registered when its turn comes.
 */
export class HandlerQueue {
  /** The channel or pattern, for the host. */
  readonly id: string;
  readonly #host: HandlerHost;
  #waiting: Unread | null = null;
  /** Dropped before the oldest that waits... */
  #droppedOldest: Dropped | null = null;
  /** ...before one that came later... */
  #droppedBetween: { readonly before: number; readonly dropped: Dropped }[] = [];
  /** ...or behind the newest. */
  #droppedNewest: Dropped | null = null;
  /** Whose messages wait. */
  #entry: Entry | null = null;

  constructor(host: HandlerHost, id: string) {
    this.#host = host;
    this.id = id;
  }

  add(entry: Entry, message: AnyPublished, size: number): void {
    this.#entry = entry;
    this.#waiting ??= new Unread();
    const { backlog } = this.#host;
    const { proof } = entry.link;
    if (!backlog.admits(size) && !this.#makeRoom(this.#waiting, message, size, proof)) return;
    if (this.#droppedNewest !== null) {
      this.#droppedBetween.push({ before: this.#waiting.next, dropped: this.#droppedNewest });
      this.#droppedNewest = null;
    }
    this.#waiting.push(message, size, proof);
    backlog.add(size);
  }

  /** Waits for what a handler returned; what comes meanwhile is added. */
  start(sink: HandlerSink, message: AnyPublished, result: PromiseLike<unknown>): void {
    this.#host.busy(this);
    Promise.resolve(result)
      .catch((error: unknown) => sink.failed(message, error))
      .then(() => this.#resume(sink));
  }

  /**
   * Gives up what waits: it goes to `left`; what was dropped before, and is not told yet, is returned. A handler that runs
   * is left to itself.
   */
  abandon(left: Dropped): Dropped[] {
    const between = this.#droppedBetween.map(({ dropped }) => dropped);
    const untold = [this.#droppedOldest, ...between, this.#droppedNewest].filter((one) => one !== null);
    while (this.#waiting?.dropOldest(left));
    this.stop();
    return untold;
  }

  /** Forgets what waits. */
  stop(): void {
    this.#waiting = this.#droppedOldest = this.#droppedNewest = null;
    this.#droppedBetween = [];
  }

  /** A name that has no handler any more is served by its last one. */
  #resume(last: HandlerSink): void {
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) {
      const registered = this.#entry?.sink;
      const sink = registered instanceof HandlerSink ? registered : last;
      const result = sink.call(next);
      if (result !== null) {
        this.start(sink, next, result);
        return;
      }
    }
    if (this.#droppedNewest !== null) this.#host.droppedBehindHandler(this.#droppedNewest);
    this.#droppedNewest = null;
    this.#host.idle(this);
  }

  #shift(): AnyPublished | undefined {
    if (this.#droppedOldest !== null) this.#host.droppedBehindHandler(this.#droppedOldest);
    this.#droppedOldest = null;
    for (let next = this.#droppedBetween[0]; next !== undefined && next.before <= (this.#waiting?.first ?? 0); ) {
      this.#droppedBetween.shift();
      this.#host.droppedBehindHandler(next.dropped);
      next = this.#droppedBetween[0];
    }
    const waiting = this.#waiting;
    if (waiting === null || waiting.size === 0) return undefined;
    const size = waiting.oldestSize;
    const message = waiting.shift();
    this.#host.backlog.remove(size);
    return message;
  }

  /** False: the message itself is dropped. */
  #makeRoom(waiting: Unread, message: AnyPublished, size: number, proof: Moment): boolean {
    const { backlog } = this.#host;
    if (backlog.overflow === "error") {
      this.#host.overflowed();
      return false;
    }
    if (backlog.overflow === "drop-oldest") {
      while (!backlog.admits(size) && waiting.size > 0) {
        this.#droppedOldest ??= this.#host.dropping();
        const { oldestSize } = waiting;
        waiting.dropOldest(this.#droppedOldest);
        backlog.remove(oldestSize);
      }
      if (backlog.admits(size)) return true;
    }
    this.#droppedNewest ??= this.#host.dropping();
    this.#droppedNewest.add(message, proof, currentMoment());
    return false;
  }
}
