import type { Gap } from "tidings";
import { distance, slackOf } from "../../test/support/gap-window.ts";

/** What became of the messages of one publisher. */
export interface Sums {
  /** How often a publish was called. */
  readonly published: number;
  /** Calls whose connection was lost before the answer: it is not known whether the server ran them. */
  readonly unanswered: number;
  readonly received: number;
  /** Missed inside a reported window: when they were published, the server had no subscriber. */
  readonly unheard: number;
  /** Missed inside a reported window: sent by the server to the connection that died. */
  readonly cutOff: number;
  /** Unanswered and not received: perhaps never published. */
  readonly inDoubt: number;
  /** Neither received, nor inside a window, nor in doubt. There must be none. */
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
}

/** In the place of the number of subscribers: no answer yet, and none any more. */
const [PENDING, UNANSWERED] = [-1, -2];

/** Where a reported gap lies among the messages. */
interface Window {
  /** The last message before the loss. */
  readonly after: number;
  /** The first one after it; not known until it comes. */
  before: number;
  /** What the server took earlier must come. */
  readonly from: number;
  /** When the server had confirmed the subscription again. What is published later must come. */
  readonly to: number;
}

/**
 * Numbers the messages of one publisher, notes which ones come, and adds up. It is for millions of messages; that of the tests
 * (test/support/ledger.ts) says where each is lost, and takes a hundred times the memory.
 */
export class Ledger {
  /** By sequence number: when each was published. */
  readonly #publishedAt: number[] = [];
  /** By sequence number: when the server had answered. */
  readonly #answeredAt: number[] = [];
  /** By sequence number: how many subscribers the server found, as PUBLISH and SPUBLISH answer. */
  readonly #receivers: number[] = [];
  /** By sequence number: whether it came. */
  readonly #came: boolean[] = [];
  readonly #windows: Window[] = [];
  #last = -1;
  #received = 0;
  #duplicates = 0;
  #outOfOrder = 0;

  get published(): number {
    return this.#publishedAt.length;
  }

  get received(): number {
    return this.#received;
  }

  /** Whether the last message has come. */
  get caughtUp(): boolean {
    return this.#last === this.published - 1;
  }

  /** The number of the next message, to be published now. */
  publish(): number {
    this.#came.push(false);
    this.#receivers.push(PENDING);
    this.#answeredAt.push(Number.POSITIVE_INFINITY);
    return this.#publishedAt.push(Date.now()) - 1;
  }

  /** What the server answered. */
  answered(sequence: number, receivers: number): void {
    this.#receivers[sequence] = receivers;
    this.#answeredAt[sequence] = Date.now();
  }

  /** There will be no answer. */
  unanswered(sequence: number): void {
    this.#receivers[sequence] = UNANSWERED;
  }

  receive(sequence: number): void {
    if (this.#came[sequence]) {
      this.#duplicates += 1;
      return;
    }
    this.#came[sequence] = true;
    this.#received += 1;
    if (sequence < this.#last) this.#outOfOrder += 1;
    else this.#last = sequence;
    for (const window of this.#windows) window.before = Math.min(window.before, sequence);
  }

  /** What tidings reports after a loss: messages may have been missed, but only here. */
  gap({ from, to }: Gap<unknown>): void {
    this.#windows.push({ after: this.#last, before: Number.POSITIVE_INFINITY, from, to });
  }

  sums(): Sums {
    let [unanswered, unheard, cutOff, inDoubt, lost] = [0, 0, 0, 0, 0];
    for (const [sequence, came] of this.#came.entries()) {
      const hasAnswer = this.#receivers[sequence] !== UNANSWERED;
      if (!hasAnswer) unanswered += 1;
      if (came) continue;
      if (!hasAnswer) inDoubt += 1;
      else if (!this.#windows.some((window) => this.#covers(window, sequence))) lost += 1;
      else if (this.#receivers[sequence] === 0) unheard += 1;
      else cutOff += 1;
    }
    return {
      published: this.published,
      unanswered,
      received: this.#received,
      unheard,
      cutOff,
      inDoubt,
      lost,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
    };
  }

  /** Whether a window holds a message: by its place in the order, and by the time at which the server took it. */
  #covers({ after, before, from, to }: Window, sequence: number): boolean {
    if (sequence <= after || sequence >= before) return false;
    const [sentAt = 0, acknowledgedAt = 0] = [this.#publishedAt[sequence], this.#answeredAt[sequence]];
    return distance({ from, to }, { sentAt, acknowledgedAt }) <= slackOf();
  }
}

/** All publishers' together. */
export function total(sums: readonly Sums[]): Sums {
  const add = (key: keyof Sums): number => sums.reduce((sum, one) => sum + one[key], 0);
  return {
    published: add("published"),
    unanswered: add("unanswered"),
    received: add("received"),
    unheard: add("unheard"),
    cutOff: add("cutOff"),
    inDoubt: add("inDoubt"),
    lost: add("lost"),
    duplicates: add("duplicates"),
    outOfOrder: add("outOfOrder"),
  };
}
