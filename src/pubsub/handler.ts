import { Ring } from "../core/ring.ts";
import type { Payload } from "../resp/reply.ts";
import type { Entry, Sink } from "./entry.ts";
import type { PublishedMessage } from "./message.ts";

/** A message as handlers see it inside the library. */
export type AnyPublished = PublishedMessage<unknown, unknown>;

/** What a user registers for a channel or pattern. A promise that it returns is awaited before its next message. */
export type AnyHandler = (message: AnyPublished) => unknown;

/** What a handler's queue needs of its consumer. */
export interface HandlerHost {
  /** The message of a payload, or `null` where the codec refuses it. */
  decode(entry: Entry, payload: Payload, channel: string | null): AnyPublished | null;
  /** A handler takes a message: it leaves its mark in the order of things to read. */
  handled(): void;
  handlerFailed(message: AnyPublished, error: unknown): void;
  /** The queue waits for an async handler... */
  busy(queue: HandlerQueue): void;
  /** ...and has nothing left to do. */
  idle(queue: HandlerQueue): void;
}

/**
 * Hands the messages of one channel or pattern to its handler. An async handler is awaited before the next message, and
 * so is the handler that this one replaces: what has come for that one it still gets.
 */
export class HandlerQueue implements Sink {
  /** The channel or pattern, for the host. */
  readonly id: string;
  readonly handler: AnyHandler;
  readonly #host: HandlerHost;
  /** What has arrived while a handler runs; `null` until one does. */
  #waiting: Ring<AnyPublished> | null = null;
  #running = false;
  #successor: HandlerQueue | null = null;

  constructor(host: HandlerHost, id: string, handler: AnyHandler, predecessor: HandlerQueue | undefined) {
    this.#host = host;
    this.id = id;
    this.handler = handler;
    if (predecessor === undefined) return;
    predecessor.#successor = this;
    this.#running = true;
    host.busy(this);
  }

  message(entry: Entry, payload: Payload): void {
    this.#take(this.#host.decode(entry, payload, null));
  }

  pmessage(entry: Entry, channel: string, payload: Payload): void {
    this.#take(this.#host.decode(entry, payload, channel));
  }

  /** Forgets what waits; a handler that runs is left to itself. */
  stop(): void {
    this.#waiting?.clear();
  }

  #take(message: AnyPublished | null): void {
    if (message === null) return;
    this.#host.handled();
    if (this.#running) this.#queue(message);
    else this.#run(message);
  }

  #queue(message: AnyPublished): void {
    this.#waiting ??= new Ring();
    this.#waiting.push(message);
  }

  #run(message: AnyPublished): void {
    try {
      const result = this.handler(message);
      if (isThenable(result)) this.#await(message, result);
    } catch (error) {
      this.#host.handlerFailed(message, error);
    }
  }

  #await(message: AnyPublished, result: PromiseLike<unknown>): void {
    this.#running = true;
    this.#host.busy(this);
    Promise.resolve(result)
      .catch((error: unknown) => this.#host.handlerFailed(message, error))
      .then(() => this.#resume());
  }

  #resume(): void {
    this.#running = false;
    for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) {
      this.#run(next);
      if (this.#running) return;
    }
    this.#host.idle(this);
    const successor = this.#successor;
    this.#successor = null;
    if (successor !== null) successor.#resume();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
