import { earlier, later, type Moment, windowBetween } from "../../core/moment.ts";
import { latin1 } from "../../names.ts";
import type { Gap } from "../model/gap.ts";
import type { PublishedMessage } from "../model/message.ts";

/** Messages that were dropped at one place of the order; it grows until that place is reached. */
export class Dropped {
  count = 0;
  readonly #tally: { dropped: number };
  #since: Moment | null = null;
  #until: Moment | null = null;
  readonly #channels: Names = new Names();
  readonly #patterns: Names = new Names();

  constructor(tally: { dropped: number }) {
    this.#tally = tally;
  }

  /** The server took the message after `since`; it was read by `until`. */
  add({ pattern, channel }: PublishedMessage<unknown, unknown>, since: Moment, until: Moment): void {
    this.count++;
    this.#tally.dropped++;
    this.#widen(since, until);
    if (pattern === null) this.#channels.add(channel as string | Buffer);
    else this.#patterns.add(pattern as string | Buffer);
  }

  /** Takes over what another holds. */
  absorb(other: Dropped): void {
    this.count += other.count;
    if (other.#since !== null && other.#until !== null) this.#widen(other.#since, other.#until);
    for (const name of other.#channels.list) this.#channels.add(name);
    for (const name of other.#patterns.list) this.#patterns.add(name);
  }

  /** `until`: what its window ends with, if not with the newest message. */
  gap(cause: "overflow" | "drained", until: Moment | null = this.#until): Gap<string | Buffer> {
    const { count, since } = { count: this.count, since: this.#since };
    if (since === null || until === null) throw new RangeError("Nothing was dropped.");
    const { from, to } = windowBetween(since, until);
    const [channels, patterns] = [this.#channels.list, this.#patterns.list];
    return Object.freeze({ type: "gap", cause, channels, patterns, from, to, dropped: count, certain: true });
  }

  #widen(since: Moment, until: Moment): void {
    this.#since = this.#since === null ? since : earlier(this.#since, since);
    this.#until = this.#until === null ? until : later(this.#until, until);
  }
}

/** Names by their bytes. Mostly it is one, and there may be as many of these as messages: then it costs no table. */
class Names {
  #last: string | Buffer | null = null;
  #all: Map<string, string | Buffer> | null = null;

  add(name: string | Buffer): void {
    if (name === this.#last) return;
    if (this.#last !== null) {
      this.#all ??= new Map([[latin1(this.#last), this.#last]]);
      this.#all.set(latin1(name), name);
    }
    this.#last = name;
  }

  get list(): (string | Buffer)[] {
    if (this.#all !== null) return [...this.#all.values()];
    return this.#last === null ? [] : [this.#last];
  }
}
