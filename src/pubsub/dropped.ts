import { currentTime } from "../core/now.ts";
import type { Gap } from "./gap.ts";

/** Messages that were dropped one after the other at one place of the order; it grows until that place is reached. */
export class Dropped {
  count = 0;
  readonly #tally: { dropped: number };
  readonly #from: number = currentTime();
  #to = 0;
  /** The last names: the next message often has the same. */
  #lastChannel: unknown = null;
  #lastPattern: unknown = null;
  readonly #channels: Map<string, string | Buffer> = new Map();
  readonly #patterns: Map<string, string | Buffer> = new Map();

  constructor(tally: { dropped: number }) {
    this.#tally = tally;
  }

  add({ pattern, channel }: { readonly pattern: unknown; readonly channel: unknown }): void {
    this.count++;
    this.#tally.dropped++;
    this.#to = currentTime();
    if (pattern === null) {
      if (channel !== this.#lastChannel) note(this.#channels, channel);
      this.#lastChannel = channel;
    } else {
      if (pattern !== this.#lastPattern) note(this.#patterns, pattern);
      this.#lastPattern = pattern;
    }
  }

  gap(cause: "overflow" | "drained"): Gap<string | Buffer> {
    return Object.freeze({
      type: "gap",
      cause,
      channels: [...this.#channels.values()],
      patterns: [...this.#patterns.values()],
      from: this.#from,
      to: this.#to,
      dropped: this.count,
      certain: true,
    });
  }
}

function note(names: Map<string, string | Buffer>, name: unknown): void {
  names.set(typeof name === "string" ? name : (name as Buffer).toString("latin1"), name as string | Buffer);
}
