import { isAscii } from "node:buffer";
import { ProtocolError } from "../errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Where reads land when nothing large is on its way. */
const USUAL = 64 * 1024;
/** Small texts are cut from a shared one of this size, so a kept one pins no more than this (and its head: 4 KiB). */
const TEXT_BLOCK = 3584;
/** The same for small Buffers. */
const BYTES_BLOCK = 4096;
const NOTHING = Buffer.alloc(0);

/**
 * The bytes that were received and not yet decoded: one contiguous piece of memory that is reused. The socket writes
 * behind `end`, the decoder takes from `start`, and what a chunk leaves unfinished moves to the front.
 *
 *     | decoded | a frame, and perhaps the beginning of another | free space |
 *               ^ start                                         ^ end
 *
 * Nothing that leaves refers to this memory. Text and Buffers are cut from small copied blocks: one native call serves
 * many messages, and a value that is kept pins a block, never a chunk.
 */
export class Window {
  buffer: Buffer = Buffer.allocUnsafeSlow(USUAL);
  view: DataView = viewOf(this.buffer);
  start = 0;
  end = 0;
  readonly #most: number;

  /** The text of [from, to), all of it ASCII. */
  #text = "";
  #textFrom = 0;
  #textTo = 0;
  /** Up to here the bytes are known to be ASCII. */
  #asciiTo = 0;
  /** What was received is not all ASCII; up to `#mixedTo` it is not worth asking again. */
  #mixed = false;
  #mixedTo = 0;

  #bytes: Buffer = NOTHING;
  #bytesFrom = 0;
  #bytesTo = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Where the next bytes may be written; never empty. */
  space(): Buffer {
    if (this.start === this.end) {
      if (this.buffer.length > USUAL) this.#replace(Buffer.allocUnsafeSlow(USUAL));
      this.start = 0;
      this.end = 0;
      this.#forget();
      return this.buffer;
    }
    if (this.start > 0) this.#compact();
    if (this.buffer.length - this.end < USUAL / 2) this.#grow();
    return this.buffer.subarray(this.end);
  }

  /** To be called when `count` bytes were written into {@link space}. */
  filled(count: number): void {
    this.end += count;
    this.#mixed = false;
    this.#mixedTo = 0;
  }

  /** A name at [from, to), with one char per byte. */
  name(from: number, to: number): string {
    if (to > this.#textTo) this.#prepareText(from, to);
    if (to <= this.#textTo && from >= this.#textFrom) {
      return this.#text.substring(from - this.#textFrom, to - this.#textFrom);
    }
    return this.buffer.toString("latin1", from, to);
  }

  /** Text of [from, to), decoded as UTF-8. What lies before it is not asked for any more. */
  utf8(from: number, to: number): string {
    if (to > this.#textTo) this.#prepareText(from, to);
    if (to <= this.#textTo && from >= this.#textFrom) {
      return this.#text.substring(from - this.#textFrom, to - this.#textFrom);
    }
    return to <= this.#asciiTo ? this.buffer.toString("latin1", from, to) : decodeUtf8(this.buffer, from, to);
  }

  /** A copy of [from, to). */
  bytes(from: number, to: number): Buffer {
    if (to - from > BYTES_BLOCK) return this.#copy(from, to);
    if (to > this.#bytesTo || from < this.#bytesFrom) {
      this.#bytesFrom = from;
      this.#bytesTo = Math.min(from + BYTES_BLOCK, this.end);
      this.#bytes = this.#copy(this.#bytesFrom, this.#bytesTo);
    }
    return this.#bytes.subarray(from - this.#bytesFrom, to - this.#bytesFrom);
  }

  /** Finds out whether [from, to) is ASCII, and if so makes a text of it and of what lies behind it. */
  #prepareText(from: number, to: number): void {
    const limit = Math.max(to, Math.min(from + TEXT_BLOCK, this.end));
    if (!this.#isAscii(from, to, limit) || to - from > TEXT_BLOCK) return;
    this.#textFrom = from;
    this.#textTo = Math.min(limit, this.#asciiTo);
    this.#text = this.buffer.toString("latin1", from, this.#textTo);
  }

  /** Asks for all that was received at once; where that is mixed, block by block, and not again for a failed block. */
  #isAscii(from: number, to: number, limit: number): boolean {
    if (to <= this.#asciiTo) return true;
    if (from < this.#mixedTo) return false;
    if (!this.#mixed && isAscii(this.buffer.subarray(from, this.end))) {
      this.#asciiTo = this.end;
      return true;
    }
    this.#mixed = true;
    if (isAscii(this.buffer.subarray(from, limit))) {
      this.#asciiTo = limit;
      return true;
    }
    this.#mixedTo = Math.min(from + 8 * TEXT_BLOCK, this.end);
    return false;
  }

  #copy(from: number, to: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(to - from);
    this.buffer.copy(copy, 0, from, to);
    return copy;
  }

  #compact(): void {
    this.buffer.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.#forget();
  }

  /** Doubles only when the memory at hand is full: a length that a peer only announces costs nothing. */
  #grow(): void {
    if (this.end >= this.#most)
      throw new ProtocolError(`A frame is larger than ${this.#most} bytes. The stream is broken.`);
    const larger = Buffer.allocUnsafeSlow(Math.min(this.buffer.length * 2, this.#most + USUAL));
    this.buffer.copy(larger, 0, 0, this.end);
    this.#replace(larger);
  }

  #replace(buffer: Buffer): void {
    this.buffer = buffer;
    this.view = viewOf(buffer);
    this.#bytes = NOTHING;
    this.#bytesTo = 0;
  }

  /** Positions have moved; what was known about them no longer holds. */
  #forget(): void {
    this.#text = "";
    this.#textFrom = 0;
    this.#textTo = 0;
    this.#asciiTo = 0;
    this.#bytesTo = 0;
  }
}

const viewOf = (buffer: Buffer): DataView => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
