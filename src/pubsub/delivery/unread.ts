import { currentMoment, type Moment } from "../../core/moment.ts";
import { Ring } from "../../core/ring.ts";
import type { PublishedMessage } from "../model/message.ts";
import type { Dropped } from "./dropped.ts";

type Published = PublishedMessage<unknown, unknown>;

/** What is known of when messages were sent, for all from one on. */
interface Read {
  /** The number of the first message that it is about. */
  readonly first: number;
  /** The server took them after this. */
  since: Moment;
  /** The latest such moment of any link among them. */
  readonly latest: Moment;
  /** When the first one was read: what came before it was read by then. */
  readonly at: Moment;
}

/**
 * Messages that wait, in the order of their arrival and numbered in it, with the sizes of their payloads. When they were
 * sent is marked where that changes, a few times a second, and not for each message.
 */
export class Unread {
  readonly #messages: Ring<Published> = new Ring();
  readonly #sizes: Ring<number> = new Ring();
  /** What is in force for the oldest message... */
  #oldest: Read | null = null;
  /** ...and what follows it. */
  readonly #reads: Ring<Read> = new Ring();
  #latest: Moment | null = null;
  #taken = 0;

  get size(): number {
    return this.#messages.size;
  }

  /** The number of the oldest message here, or of the next to come: how many have left. */
  get first(): number {
    return this.#taken;
  }

  /** The number of the message that comes next. */
  get next(): number {
    return this.#taken + this.#messages.size;
  }

  /** The size of the oldest message; there must be one. */
  get oldestSize(): number {
    return this.#sizes.peek() as number;
  }

  /** `proof`: the server took the message after it. */
  push(message: Published, size: number, proof: Moment): void {
    if (proof !== this.#latest) this.#mark(proof);
    this.#messages.push(message);
    this.#sizes.push(size);
  }

  shift(): Published | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#sizes.shift();
    this.#taken++;
    return message;
  }

  /** When the oldest message was sent: after `since`; it was read by `until`. */
  oldestWindow(): { readonly since: Moment; readonly until: Moment } {
    this.#prune();
    const since = this.#oldest?.since ?? currentMoment();
    return { since, until: this.#reads.peek()?.at ?? currentMoment() };
  }

  /** Takes the oldest message off as one that is dropped; false if there is none. */
  dropOldest(dropped: Dropped): boolean {
    if (this.size === 0) return false;
    const { since, until } = this.oldestWindow();
    const message = this.shift();
    if (message !== undefined) dropped.add(message, since, until);
    return true;
  }

  clear(): void {
    this.#taken += this.#messages.size;
    this.#messages.clear();
    this.#sizes.clear();
    this.#reads.clear();
    this.#oldest = this.#latest = null;
  }

  /** Of several links one may know less than another: where their messages mix, the earliest moment holds for all. */
  #mark(proof: Moment): void {
    this.#prune();
    const last = this.#reads.peekLast() ?? this.#oldest;
    if (last !== null && this.size > 0 && proof.monotonic <= last.latest.monotonic) {
      if (proof.monotonic < last.since.monotonic) last.since = proof;
      return;
    }
    const read: Read = { first: this.next, since: proof, latest: proof, at: currentMoment() };
    if (this.size === 0) {
      this.#reads.clear();
      this.#oldest = read;
    } else {
      this.#reads.push(read);
    }
    this.#latest = proof;
  }

  #prune(): void {
    for (let read = this.#reads.peek(); read !== undefined && read.first <= this.#taken; read = this.#reads.peek()) {
      this.#oldest = read;
      this.#reads.shift();
    }
  }
}
