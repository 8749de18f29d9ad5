import { ProtocolError } from "../errors.ts";
import { TextReader } from "./text.ts";

const USUAL = 64 * 1024;
/**
 * Where the reads of all connections land. A read is decoded before the next one, of whichever connection, begins; what it
 * leaves unfinished is copied into memory of the connection's own, which is dropped when that is decoded. So a connection
 * that is idle has no memory, and one whose messages arrive whole never has.
 */
const landing: Buffer = Buffer.allocUnsafeSlow(USUAL);
const landingView: DataView = viewOf(landing);
/** Small Buffers are cut from a shared one of this size, so that a kept one pins no more than this. */
const BYTES_BLOCK = 4096;
const NOTHING = Buffer.alloc(0);

/**
 * The bytes that were received and not yet decoded: one contiguous piece of memory, the landing or the connection's own. The
 * socket writes behind `end`, the decoder takes from `start`, and what a chunk leaves unfinished moves to the front.
 *
 *     | decoded | a frame, and perhaps the beginning of another | free space |
 *               ^ start                                         ^ end
 *
 * Nothing that leaves refers to this memory. Text and Buffers are cut from small copied blocks: one native call serves
 * many messages, and a value that is kept pins a block, never a chunk.
 */
export class Window {
  buffer: Buffer = landing;
  view: DataView = landingView;
  start = 0;
  end = 0;
  readonly #most: number;

  readonly #texts: TextReader = new TextReader(this.buffer, this.view);

  #bytes: Buffer = NOTHING;
  #bytesFrom = 0;
  #bytesTo = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Where the next bytes may be written; never empty. */
  space(): Buffer {
    if (this.start === this.end) {
      if (this.buffer !== landing) this.#replace(landing, landingView);
      this.start = 0;
      this.end = 0;
      this.#forget();
      return this.buffer;
    }
    if (this.start > 0) this.#compact();
    if (this.buffer.length - this.end < USUAL / 2) this.#grow();
    return this.buffer.subarray(this.end);
  }

  /** To be called before another connection may read: what is not decoded leaves the landing. */
  leaveLanding(): void {
    if (this.buffer !== landing || this.start === this.end) return;
    const own = Buffer.allocUnsafeSlow(USUAL);
    this.buffer.copy(own, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.#replace(own);
  }

  /** To be called when `count` bytes were written into {@link space}. */
  filled(count: number): void {
    this.end += count;
  }

  /** A name at [from, to), with one char per byte. */
  name(from: number, to: number): string {
    return this.#texts.latin1(from, to, this.end);
  }

  /** Text of [from, to), decoded as UTF-8. */
  utf8(from: number, to: number): string {
    return this.#texts.utf8(from, to, this.end);
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

  #replace(buffer: Buffer, view: DataView = viewOf(buffer)): void {
    this.buffer = buffer;
    this.view = view;
    this.#texts.reset(buffer, this.view);
    this.#bytes = NOTHING;
    this.#bytesTo = 0;
  }

  /** Positions have moved; what was known about them no longer holds. */
  #forget(): void {
    this.#texts.reset(this.buffer, this.view);
    this.#bytesTo = 0;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
