import type { Confirmed, Receiver } from "./reply.ts";
import { Slice } from "./slice.ts";
import type { Window } from "./window.ts";

/*
 * The hot path: a published message, as every server writes it.
 *
 *     >3\r\n $7\r\n message\r\n  $4\r\n news\r\n  $11\r\n hello world\r\n        RESP3; RESP2 begins with *3
 *     >3\r\n $8\r\n smessage\r\n $4\r\n news\r\n  $11\r\n hello world\r\n
 *     >4\r\n $8\r\n pmessage\r\n $6\r\n news.*\r\n $6\r\n news.x\r\n $11\r\n hello world\r\n
 *     0      4      8
 *
 * and, because a restore brings 100,000 of them, the confirmation of a subscribe:
 *
 *     >3\r\n $9\r\n subscribe\r\n   $4\r\n news\r\n :1\r\n                   likewise ssubscribe
 *     >3\r\n $10\r\n psubscribe\r\n $6\r\n news.*\r\n :2\r\n
 *
 * It is written by hand because it runs for every message. The fixed bytes are compared eight at a time, the lengths are
 * read digit by digit, and nothing is allocated: the receiver is given the places of the name and the payload, and takes what it
 * needs. Whatever differs in a single byte, or is not all there yet, is left to the general decoder, which knows all of RESP.
 */

/** Eight bytes as the number that the same bytes in the window are read as; ASCII is never NaN, which equals nothing. */
const eight = (text: string): number => Buffer.from(text, "latin1").readDoubleLE();
// Behind the first byte, which the caller has looked at.
const MESSAGE_HEAD = eight("3\r\n$7\r\nm");
const MESSAGE_WORD = eight("essage\r\n");
const SMESSAGE = eight("3\r\n$8\r\ns");
const PMESSAGE = eight("4\r\n$8\r\np");
const MESSAGE_CR = eight("message\r");
const SUBSCRIBE_HEAD = eight("3\r\n$9\r\ns");
const SUBSCRIBE_WORD = eight("ubscribe");
const XSUBSCRIBE = eight("3\r\n$10\r\n");
const PSUBSCRI = eight("psubscri");
const SSUBSCRI = eight("ssubscri");
const BE = 0x6265; // b e
const END = 0x0d0a; // \r \n
const LF_DOLLAR = 0x0a24; // \n $
const END_DOLLAR = 0x0d0a24; // \r \n $, behind a name
const END_COLON = 0x0d0a3a; // \r \n :, behind the name in a confirmation
const CR = 0x0d;
const LF = 0x0a;
const DOLLAR = 0x24;
/** Lengths of up to nine digits are read here; the limit on bulk strings is below that. */
const MOST_DIGITS = 9;
/** What {@link PublishedDecoder.next} found. */
export const TAKEN = 1;
export const UNFINISHED = 0;
const OTHER = -1;
type Found = typeof TAKEN | typeof UNFINISHED | typeof OTHER;
/** What a length may be instead of a length. */
const NOT_YET = -1;
const NO_LENGTH = -2;
/** The shortest message there is: `>3 $7 message $0 "" $0 ""`. */
const SHORTEST = 29;

/** Decodes published messages from the window. */
export class PublishedDecoder {
  readonly #window: Window;
  readonly #receiver: Receiver;
  readonly #longest: number;
  readonly #pattern: Slice;
  readonly #channel: Slice;
  readonly #payload: Slice;
  /** Where reading goes on: behind the last length, then behind the frame. */
  #at = 0;

  constructor(window: Window, receiver: Receiver, longest: number) {
    this.#window = window;
    this.#receiver = receiver;
    this.#longest = longest;
    this.#pattern = new Slice(window);
    this.#channel = new Slice(window);
    this.#payload = new Slice(window);
  }

  /**
   * Decodes the frame at `window.start` and moves behind it (TAKEN). UNFINISHED: it is one of the three, and its rest
   * has not arrived. OTHER: it is something else, or too short yet to tell.
   */
  next(): Found {
    const { view, start, end } = this.#window;
    if (end - start < SHORTEST) return OTHER;
    const head = view.getFloat64(start + 1, true);
    const word = view.getFloat64(start + 9, true);
    if (head === MESSAGE_HEAD) {
      return word === MESSAGE_WORD && view.getUint8(start + 17) === DOLLAR ? this.#message(start + 18, false) : OTHER;
    }
    if (word === MESSAGE_CR && view.getUint16(start + 17) === LF_DOLLAR) {
      if (head === SMESSAGE) return this.#message(start + 19, true);
      return head === PMESSAGE ? this.#pmessage(start + 19) : OTHER;
    }
    if (head === SUBSCRIBE_HEAD && word === SUBSCRIBE_WORD) return this.#confirmation("subscribe", start + 17);
    if (head !== XSUBSCRIBE || view.getUint16(start + 17) !== BE) return OTHER;
    if (word === PSUBSCRI) return this.#confirmation("psubscribe", start + 19);
    return word === SSUBSCRI ? this.#confirmation("ssubscribe", start + 19) : OTHER;
  }

  #message(at: number, shard: boolean): Found {
    const length = this.#length(at);
    if (length < 0) return this.#without(length);
    const found = this.#channelAndPayload(length);
    if (found !== TAKEN) return found;
    this.#window.start = this.#at;
    if (shard) this.#receiver.smessage(this.#channel, this.#payload);
    else this.#receiver.message(this.#channel, this.#payload);
    return TAKEN;
  }

  #pmessage(at: number): Found {
    const patternLength = this.#length(at);
    if (patternLength < 0) return this.#without(patternLength);
    const pattern = this.#pattern;
    pattern.from = this.#at;
    pattern.to = pattern.from + patternLength;
    const behind = this.#bulkBehind(pattern.to);
    if (behind !== TAKEN) return behind;
    const length = this.#length(pattern.to + 3);
    if (length < 0) return this.#without(length);
    const found = this.#channelAndPayload(length);
    if (found !== TAKEN) return found;
    this.#window.start = this.#at;
    this.#receiver.pmessage(pattern, this.#channel, this.#payload);
    return TAKEN;
  }

  #confirmation(what: Confirmed, at: number): Found {
    const window = this.#window;
    const { view } = window;
    if (view.getUint32(at) >>> 8 !== END_DOLLAR) return OTHER;
    const length = this.#length(at + 3);
    if (length < 0) return this.#without(length);
    const from = this.#at;
    const to = from + length;
    if (to + 4 > window.end) return UNFINISHED;
    if (view.getUint32(to) >>> 8 !== END_COLON) return OTHER;
    const count = this.#length(to + 3);
    if (count < 0) return this.#without(count);
    const name = window.name(from, to);
    window.start = this.#at;
    this.#receiver.confirmation(what, name, count);
    return TAKEN;
  }

  /** Whether a name ends at `to` and another bulk string begins behind it. */
  #bulkBehind(to: number): Found {
    if (to + 4 > this.#window.end) return UNFINISHED;
    return this.#window.view.getUint32(to) >>> 8 === END_DOLLAR ? TAKEN : OTHER;
  }

  /** Finds the channel of this length, which begins here, and the payload behind it; leaves `#at` behind the frame. */
  #channelAndPayload(channelLength: number): Found {
    const window = this.#window;
    const channel = this.#channel;
    const from = this.#at;
    const to = from + channelLength;
    const behind = this.#bulkBehind(to);
    if (behind !== TAKEN) return behind;
    const length = this.#length(to + 3);
    if (length < 0) return this.#without(length);
    const payload = this.#payload;
    const payloadTo = this.#at + length;
    if (payloadTo + 2 > window.end) return UNFINISHED;
    if (window.view.getUint16(payloadTo) !== END) return OTHER;
    channel.from = from;
    channel.to = to;
    payload.from = this.#at;
    payload.to = payloadTo;
    this.#at = payloadTo + 2;
    return TAKEN;
  }

  #without(length: number): Found {
    return length === NOT_YET ? UNFINISHED : OTHER;
  }

  /** The length written at `at`, NOT_YET or NO_LENGTH; leaves `#at` behind its line. */
  #length(at: number): number {
    const { buffer, end } = this.#window;
    let length = 0;
    for (let i = at; i < end; i++) {
      const byte = buffer[i] as number;
      if (byte === CR) {
        if (i + 1 === end) return NOT_YET;
        if (i === at || buffer[i + 1] !== LF || length > this.#longest) return NO_LENGTH;
        this.#at = i + 2;
        return length;
      }
      const digit = byte - 0x30;
      if (digit < 0 || digit > 9 || i - at === MOST_DIGITS) return NO_LENGTH;
      length = length * 10 + digit;
    }
    return NOT_YET;
  }
}
