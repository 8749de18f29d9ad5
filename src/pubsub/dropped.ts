import { currentTime } from "../core/now.ts";
import { latin1 } from "../names.ts";
import type { Gap } from "./gap.ts";

/** Messages that were dropped one after the other at one place of the order; it grows until that place is reached. */
export class Dropped {
  count = 0;
  readonly #tally: { dropped: number };
  readonly #from: number = currentTime();
  #to = 0;
  readonly #channels: Names = new Names();
  readonly #patterns: Names = new Names();

  constructor(tally: { dropped: number }) {
    this.#tally = tally;
  }

  add({ pattern, channel }: { readonly pattern: unknown; readonly channel: unknown }): void {
    this.count++;
    this.#tally.dropped++;
    this.#to = currentTime();
    if (pattern === null) this.#channels.add(channel as string | Buffer);
    else this.#patterns.add(pattern as string | Buffer);
  }

  gap(cause: "overflow" | "drained"): Gap<string | Buffer> {
    return Object.freeze({
      type: "gap",
      cause,
      channels: this.#channels.list,
      patterns: this.#patterns.list,
      from: this.#from,
      to: this.#to,
      dropped: this.count,
      certain: true,
    });
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
