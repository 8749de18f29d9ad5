import { type Limits, limits as usualLimits } from "./limits.ts";
import { PublishedDecoder, TAKEN, UNFINISHED } from "./published.ts";
import type { Receiver } from "./reply.ts";
import { INCOMPLETE, Push, ValueDecoder } from "./values.ts";
import { Window } from "./window.ts";

const PUSH = 0x3e; // >
const ARRAY = 0x2a; // *

/**
 * Bytes in, frames out. Write received bytes into {@link space}, then call {@link decode}: every complete frame goes to
 * the receiver, the rest waits. Knows no socket. Throws `ProtocolError` on a stream that is not RESP.
 */
export class Decoder {
  readonly #window: Window;
  readonly #published: PublishedDecoder;
  readonly #values: ValueDecoder;
  readonly #receiver: Receiver;
  /** The first byte of a published message: `>` in RESP3; `*` on a RESP2 connection that only subscribes. */
  #published1st = PUSH;
  #halted = false;
  #paused = false;
  #decoding = false;

  constructor(receiver: Receiver, limits: Limits = usualLimits) {
    this.#receiver = receiver;
    this.#window = new Window(limits.frame);
    this.#published = new PublishedDecoder(this.#window, receiver, limits.bulk);
    this.#values = new ValueDecoder(this.#window, limits);
  }

  /** RESP2 has no pushes: on a connection that subscribes, its arrays may be published messages. */
  expectArraysOfMessages(): void {
    this.#published1st = ARRAY;
  }

  /** Where the next received bytes are to be written. */
  space(): Buffer {
    return this.#window.space();
  }

  /** Decodes what is complete, after `count` bytes were written into {@link space}. */
  decode(count: number): void {
    this.#window.filled(count);
    // The receiver may resume in the middle of it; the loop that runs goes on then.
    if (this.#decoding) return;
    this.#decoding = true;
    try {
      this.#decode();
    } finally {
      this.#decoding = false;
      this.#window.leaveLanding();
    }
  }

  /** Feeds bytes that are already in memory. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#halted; ) {
      const space = this.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      this.decode(count);
      at += count;
    }
  }

  /** Decoding stops behind the frame at hand; what arrives is kept. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on with what was kept. */
  resume(): void {
    this.#paused = false;
    this.decode(0);
  }

  /** Nothing more is decoded: the connection is gone, and what it left behind must not be delivered. */
  halt(): void {
    this.#halted = true;
  }

  #decode(): void {
    const window = this.#window;
    while (window.start < window.end && !this.#paused && !this.#halted) {
      if (window.buffer[window.start] === this.#published1st && !this.#values.begun) {
        const found = this.#published.next();
        if (found === TAKEN) continue;
        if (found === UNFINISHED) return;
      }
      const value = this.#values.next(this.#receiver.wantsText);
      if (value === INCOMPLETE) return;
      if (value instanceof Push) this.#receiver.push(value.items);
      else this.#receiver.reply(value);
    }
  }
}
