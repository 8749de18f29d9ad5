import type { Gap } from "./gap.ts";

/** Messages that were dropped one after the other at one place of the order; it grows until that place is reached. */
export class Dropped {
  count = 0;
  readonly #tally: { dropped: number };
  readonly #from: number = Date.now();
  #to = 0;
  readonly #channels: Map<string, string | Buffer> = new Map();
  readonly #patterns: Map<string, string | Buffer> = new Map();

  constructor(tally: { dropped: number }) {
    this.#tally = tally;
  }

  add({ pattern, channel }: { readonly pattern: unknown; readonly channel: unknown }): void {
    this.count++;
    this.#tally.dropped++;
    this.#to = Date.now();
    const [names, name] = pattern === null ? [this.#channels, channel] : [this.#patterns, pattern];
    names.set(typeof name === "string" ? name : (name as Buffer).toString("latin1"), name as string | Buffer);
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
