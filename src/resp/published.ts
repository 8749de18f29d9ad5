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
 * It is written by hand because it runs for every message. The fixed bytes are compared four at a time, the lengths are
 * read digit by digit, and nothing is made: the receiver is told where the name and the payload lie, and takes what it
 * needs. Whatever differs in a single byte, or is not all there yet, is left to the general decoder, which knows all of RESP.
 */

const HEAD_3 = 0x330d0a24; // 3 \r \n $
const HEAD_4 = 0x340d0a24; // 4 \r \n $
const KIND_7 = 0x370d0a6d; // 7 \r \n m
const KIND_8_S = 0x380d0a73; // 8 \r \n s
const KIND_8_P = 0x380d0a70; // 8 \r \n p
const ESSA = 0x65737361; // e s s a
const MESS = 0x6d657373; // m e s s
const KIND_9 = 0x390d0a73; // 9 \r \n s
const KIND_10 = 0x31300d0a; // 1 0 \r \n
const UBSC = 0x75627363; // u b s c
const RIBE = 0x72696265; // r i b e
const SUBS = 0x73756273; // s u b s
const CRIB = 0x63726962; // c r i b
const P = 0x70;
const S = 0x73;
const E = 0x65;
const AGE = 0x6765; // g e
const AGE_CR = 0x6167650d; // a g e \r
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
    const head = view.getUint32(start + 1);
    const kind = view.getUint32(start + 5);
    if (head === HEAD_3) {
      if (kind === KIND_7) {
        if (view.getUint32(start + 9) !== ESSA || view.getUint16(start + 13) !== AGE) return OTHER;
        if (view.getUint16(start + 15) !== END || view.getUint8(start + 17) !== DOLLAR) return OTHER;
        return this.#message(start + 18, false);
      }
      if (kind !== KIND_8_S) return this.#confirmation(kind);
      if (view.getUint32(start + 9) !== MESS || view.getUint32(start + 13) !== AGE_CR) return OTHER;
      return view.getUint16(start + 17) === LF_DOLLAR ? this.#message(start + 19, true) : OTHER;
    }
    if (head !== HEAD_4 || kind !== KIND_8_P) return OTHER;
    if (view.getUint32(start + 9) !== MESS || view.getUint32(start + 13) !== AGE_CR) return OTHER;
    return view.getUint16(start + 17) === LF_DOLLAR ? this.#pmessage(start + 19) : OTHER;
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

  #confirmation(kind: number): Found {
    const window = this.#window;
    const { view, start } = window;
    let at = start + 17;
    let what: Confirmed = "subscribe";
    if (kind === KIND_9) {
      if (view.getUint32(start + 9) !== UBSC || view.getUint32(start + 13) !== RIBE) return OTHER;
    } else {
      const first = view.getUint8(start + 9);
      if (kind !== KIND_10 || (first !== P && first !== S)) return OTHER;
      if (view.getUint32(start + 10) !== SUBS || view.getUint32(start + 14) !== CRIB) return OTHER;
      if (view.getUint8(start + 18) !== E) return OTHER;
      what = first === P ? "psubscribe" : "ssubscribe";
      at = start + 19;
    }
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
