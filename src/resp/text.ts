import { isAscii } from "node:buffer";
import { decodeUtf8 } from "./utf8.ts";

/*
 * The texts of the frames that lie in the window. Most are ASCII, and stand between others that are not:
 *
 *     >3\r\n … $14\r\n {"id":1,"to":2}\r\n >3\r\n … $15\r\n {"id":2,"to":"é"}\r\n >3\r\n … $14\r\n {"id":3,"to":4}\r\n
 *                   ^ from                                             ^ plainTo
 *
 * When a text is asked for, the bytes from there on are examined up to the first that is not ASCII. One native call turns
 * them into a block of text, and every text that lies in it is cut from it. A text that reaches beyond `plainTo` is decoded
 * by itself, and no byte is examined twice. So the cost of a text depends on its own bytes, not on those of its neighbours.
 */

/** A text that is kept pins its block: this, and the block's head, are less than 4 KiB. */
const BLOCK = 3584;
/**
 * Longer texts share no block, and are tested by a native call. That is the faster test from 500 bytes on
 * (`npm run bench:stages`), but it does not say where: with 512 here 1 KiB payloads cost 5 % more on Node 20, and real
 * traffic in ASCII 3 % more on Node 20 and 24.
 */
const LONG = 1280;
/** No more bytes than this are examined in one call. */
const MOST = 64 * 1024;
/** The bits of four bytes that ASCII does not have. */
const BEYOND_ASCII = 0x80808080;
/** Up to 22 V8 takes 2 to 4 ns a byte, and utf8.ts half of that; since 24 V8 takes 0.3 to 0.7 (`npm run bench:stages`). */
const NATIVE_IS_FAST = Number.parseInt(process.versions.node, 10) >= 24;

/** What `buffer.toString` calls, in every Node there is; the way there costs a tenth of a short text. */
interface Slicing extends Buffer {
  latin1Slice(from: number, to: number): string;
  utf8Slice(from: number, to: number): string;
}

/** Makes strings of the bytes in a piece of memory. */
export class TextReader {
  #buffer: Slicing;
  #view: DataView;
  /** The text of [blockFrom, blockTo), all of it ASCII. */
  #block = "";
  #blockFrom = 0;
  #blockTo = 0;
  /** The bytes of [plainFrom, plainTo) are ASCII... */
  #plainFrom = 0;
  #plainTo = 0;
  /** ...and whether it is known that the one at plainTo is not. */
  #stopped = false;
  /** Bytes of ASCII since the last that was not. */
  #run = 0;

  constructor(buffer: Buffer, view: DataView) {
    this.#buffer = buffer as Slicing;
    this.#view = view;
  }

  /** Must be called when the memory or its content has changed. Bytes may be added behind the existing ones without a call. */
  reset(buffer: Buffer, view: DataView): void {
    this.#buffer = buffer as Slicing;
    this.#view = view;
    this.#block = "";
    this.#blockFrom = this.#blockTo = this.#plainFrom = this.#plainTo = 0;
    this.#stopped = false;
  }

  /** The bytes of [from, to) with one char each; `end` is the end of what is there. */
  latin1(from: number, to: number, end: number): string {
    if (from >= this.#blockFrom && to <= this.#blockTo) {
      return this.#block.substring(from - this.#blockFrom, to - this.#blockFrom);
    }
    return this.#begin(from, to, end) ?? this.#buffer.latin1Slice(from, to);
  }

  /** The text of [from, to), decoded as UTF-8; `end` is the end of what is there. */
  utf8(from: number, to: number, end: number): string {
    if (from >= this.#blockFrom && to <= this.#blockTo) {
      return this.#block.substring(from - this.#blockFrom, to - this.#blockFrom);
    }
    return this.#begin(from, to, end) ?? this.#decode(from, to);
  }

  #decode(from: number, to: number): string {
    return NATIVE_IS_FAST ? this.#buffer.utf8Slice(from, to) : decodeUtf8(this.#buffer, this.#view, from, to);
  }

  /** The text of [from, to), with which a block begins; `null` if it is not all ASCII. */
  #begin(from: number, to: number, end: number): string | null {
    if (to - from > LONG) return isAscii(this.#buffer.subarray(from, to)) ? this.#buffer.latin1Slice(from, to) : null;
    this.#examine(from, Math.min(from + BLOCK, end), end);
    if (to > this.#plainTo) return null;
    this.#blockFrom = from;
    this.#blockTo = Math.min(from + BLOCK, this.#plainTo);
    this.#block = this.#buffer.latin1Slice(from, this.#blockTo);
    return this.#block.substring(0, to - from);
  }

  /** Finds the first byte from `from` on that is not ASCII, as far as `to` or further. */
  #examine(from: number, to: number, end: number): void {
    let at = from;
    if (from >= this.#plainFrom && from <= this.#plainTo) {
      if (this.#stopped || to <= this.#plainTo) return;
      at = this.#plainTo;
    } else this.#plainFrom = from;
    if (this.#run >= BLOCK && this.#isPlain(at, Math.min(at + 2 * this.#run, end))) return;
    const first = at;
    at = endOfAscii(this.#buffer, this.#view, at, to);
    this.#plainTo = at;
    this.#stopped = at < to;
    this.#run = this.#stopped ? 0 : this.#run + at - first;
  }

  /** Asks for twice as many bytes as were plain before in one native call, so that one that fails is paid for. */
  #isPlain(from: number, to: number): boolean {
    if (!isAscii(this.#buffer.subarray(from, to))) {
      this.#run = 0;
      return false;
    }
    this.#plainTo = to;
    this.#stopped = false;
    this.#run = Math.min(this.#run + to - from, MOST);
    return true;
  }
}

/** Where the first byte of [from, to) is that is not ASCII; `to` if there is none. 32 bytes at a time take 2 ns. */
export function endOfAscii(buffer: Buffer, view: DataView, from: number, to: number): number {
  let at = from;
  for (; at + 32 <= to; at += 32) {
    const bits =
      view.getInt32(at, true) |
      view.getInt32(at + 4, true) |
      view.getInt32(at + 8, true) |
      view.getInt32(at + 12, true) |
      view.getInt32(at + 16, true) |
      view.getInt32(at + 20, true) |
      view.getInt32(at + 24, true) |
      view.getInt32(at + 28, true);
    if ((bits & BEYOND_ASCII) !== 0) break;
  }
  while (at < to && (buffer[at] as number) < 0x80) at++;
  return at;
}
