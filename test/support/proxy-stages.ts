/** What becomes of one chunk: the bytes that go on and, if the connection is to be cut after them, `cut`. */
export interface Staged {
  readonly bytes: Buffer;
  readonly cut: boolean;
}

/** One step on the way of the bytes in one direction of one connection. */
export interface Stage {
  take(chunk: Buffer): Staged;
}

const NOTHING = Buffer.alloc(0);

/** Lets exactly `limit` bytes through, then cuts. */
export class ByteLimit implements Stage {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  take(chunk: Buffer): Staged {
    const bytes = chunk.subarray(0, this.#left);
    this.#left -= bytes.length;
    return { bytes, cut: this.#left === 0 };
  }
}

/**
 * Counts the occurrences of a byte sequence and cuts right before or right after the `count`-th.
 *
 * To cut before a match that ends in a later chunk, bytes that may be its beginning are held back.
 */
export class MatchLimit implements Stage {
  readonly #sequence: Buffer;
  readonly #where: "before" | "after";
  #left: number;
  /** The end of what was seen: a possible beginning of the sequence, shorter than it. Held back with "before". */
  #tail: Buffer = NOTHING;

  constructor(sequence: Buffer, count: number, where: "before" | "after") {
    if (sequence.length === 0 || count < 1) throw new RangeError("a sequence of at least a byte, at least once");
    this.#sequence = sequence;
    this.#where = where;
    this.#left = count;
  }

  take(chunk: Buffer): Staged {
    const seen = Buffer.concat([this.#tail, chunk]);
    const fresh = this.#where === "before" ? 0 : this.#tail.length;
    let from = 0;
    for (;;) {
      const start = seen.indexOf(this.#sequence, from);
      if (start < 0) break;
      from = start + this.#sequence.length;
      this.#left -= 1;
      if (this.#left > 0) continue;
      return { bytes: seen.subarray(fresh, this.#where === "before" ? start : from), cut: true };
    }
    this.#tail = seen.subarray(seen.length - this.#beginningLength(seen.subarray(from)));
    const end = this.#where === "before" ? seen.length - this.#tail.length : seen.length;
    return { bytes: seen.subarray(fresh, end), cut: false };
  }

  /** How many of the last bytes may begin the sequence. */
  #beginningLength(bytes: Buffer): number {
    for (let length = Math.min(bytes.length, this.#sequence.length - 1); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#sequence.subarray(0, length))) return length;
    }
    return 0;
  }
}
