import type { Carrier } from "./command.ts";
import type { Entry } from "./entry.ts";
import { HeldGaps, type NoticeReceiver } from "./held-gaps.ts";
import type { Link } from "./link.ts";
import type { Missed } from "./losses.ts";
import type { Verb } from "./reconcile.ts";

/** Gives gaps and confirmations to the consumer, those of a link that belong to one loss together. */
export class Notices {
  readonly #receiver: NoticeReceiver;
  /** Gaps that are not told yet, by the link whose messages they must precede. */
  readonly #held: Map<Carrier, HeldGaps> = new Map();

  constructor(receiver: NoticeReceiver) {
    this.#receiver = receiver;
  }

  missed(missed: Missed): void {
    this.#receiver.missed(missed);
  }

  /** A confirmation; behind the gaps of its link that are held. */
  confirmed(link: Carrier, verb: Verb, entry: Entry, count: number): void {
    const held = this.#held.get(link);
    if (held === undefined) this.#receiver.confirmed(verb, entry, count);
    else held.hold({ verb, entry, count });
  }

  /** Tells gaps a little later, together with others of the same loss. */
  hold(link: Link, all: readonly Missed[]): void {
    for (const missed of all) {
      if (this.#held.get(link)?.fits(missed.entries.length) === false) this.release(link);
      const held = this.#held.get(link) ?? this.#startHolding(link);
      held.add(missed);
    }
  }

  /** Tells what is held of a link. */
  release(link: Link): void {
    const held = this.#held.get(link);
    this.#held.delete(link);
    link.holding = false;
    held?.release(this.#receiver);
  }

  clear(): void {
    this.#held.clear();
  }

  #startHolding(link: Link): HeldGaps {
    const held = new HeldGaps();
    this.#held.set(link, held);
    link.holding = true;
    process.nextTick(() => {
      if (this.#held.get(link) === held) this.release(link);
    });
    return held;
  }
}
