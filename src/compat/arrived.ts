import type { Codec } from "tidings";

/** A payload where it lies on the wire: to be read before the handler returns. */
interface Payload {
  text(): string;
  bytes(): Buffer;
}

/** The core's own door: a codec with this method is handed the payload itself, and the key of a pattern's channel. */
const decodeArrived: unique symbol = Symbol.for("tidings.decodeArrived");

/**
 * A message on its way to listeners, who may want text, bytes or both: each form is made when it is asked for. One object
 * serves message after message, so that it is of use only while the handler runs.
 */
export class Arrived {
  /** The codec of the consumers whose messages it stands for. */
  readonly codec: Codec<Arrived, never>;
  #payload: Payload | null = null;
  #channel: string | null = null;

  constructor() {
    const take = (payload: Payload, channel: string | null): Arrived => {
      this.#payload = payload;
      this.#channel = channel;
      return this;
    };
    const codec = {
      [decodeArrived]: take,
      // Never called by a core that has the door.
      decode: (bytes: Buffer) => take({ text: () => bytes.toString(), bytes: () => bytes }, null),
      encode(): never {
        throw new TypeError("It only decodes.");
      },
    };
    this.codec = codec;
  }

  text(): string {
    return this.#payload?.text() ?? "";
  }

  bytes(): Buffer {
    return this.#payload?.bytes() ?? Buffer.alloc(0);
  }

  /** The channel of a message that came by a pattern: its bytes, which need not be UTF-8. */
  channelBytes(): Buffer {
    return Buffer.from(this.#channel ?? "", "latin1");
  }
}

/** A name that was subscribed, in both forms. */
export class Name {
  readonly text: string;
  readonly #input: string | Uint8Array;
  #bytes: Buffer | null = null;

  constructor(input: string | Uint8Array) {
    this.#input = input;
    this.text = typeof input === "string" ? input : bufferOf(input).toString();
  }

  /** A string that stands for the name's bytes one to one. */
  get key(): string {
    return this.bytes.toString("latin1");
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.#input as string);
    return this.#bytes;
  }
}

/** The same memory, as a Buffer. */
export function bufferOf(view: Uint8Array): Buffer {
  return Buffer.isBuffer(view) ? view : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
