// The work every subscriber does with a message: touch the payload, count it, add up its length, look for the end.

import { MARKER } from "./frames.mjs";

export class Tally {
  #messages = 0;
  #length = 0;
  #touched = 0;
  #expected = { messages: 0, length: 0, touched: 0, bytes: 0 };
  #onEnd = () => {};

  /**
   * Begins a phase.
   * @param {{ messages: number, length: number, touched: number, bytes: number }} expected
   * @param {() => void} onEnd called once, when the message that ends the phase is seen
   */
  begin(expected, onEnd) {
    this.#messages = 0;
    this.#length = 0;
    this.#touched = 0;
    this.#expected = expected;
    this.#onEnd = onEnd;
  }

  /** @param {string} data */
  string(data) {
    this.#add(data.length, data.charCodeAt(data.length - 1));
  }

  /** @param {Uint8Array} data */
  bytes(data) {
    this.#add(data.length, data[data.length - 1]);
  }

  /** A payload that was parsed. @param {{ id: number, text: string }} value */
  json({ id, text }) {
    this.#add(text.length, id, -1);
  }

  /** For the raw socket: `length` bytes of whatever. @param {number} length */
  raw(length) {
    this.#length += length;
    if (this.#length >= this.#expected.bytes) {
      this.#onEnd();
    }
  }

  /** What differs from what was sent, or null. */
  difference() {
    const { messages, length, touched, bytes } = this.#expected;
    if (this.#messages === 0 && this.#length === bytes) {
      return null;
    }
    const wanted = `${messages} messages, ${length | 0} long, sum ${touched | 0}`;
    const got = `${this.#messages} messages, ${this.#length} long, sum ${this.#touched}`;
    return wanted === got ? null : `wanted ${wanted}; got ${got}`;
  }

  // Sums are kept within 32 bits: a larger number would be an allocation per message, and the benchmark's own.
  #add(length, last, marker = MARKER) {
    if (last === marker) {
      this.#onEnd();
      return;
    }
    this.#messages += 1;
    this.#length = (this.#length + length) | 0;
    this.#touched = (this.#touched + last) | 0;
  }
}
