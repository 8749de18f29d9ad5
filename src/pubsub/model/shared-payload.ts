import type { Payload } from "../../resp/reply.ts";

/** What is not read yet. */
const unread: object = {};

/** A payload that several consumers take: read once, and decoded once for each codec. */
export class SharedPayload implements Payload {
  readonly byteLength: number;
  readonly #payload: Payload;
  #text: string | null = null;
  #bytes: Buffer | null = null;
  /** The codec that read it last, and what it made of it; those before it are in the table. */
  #codec: unknown = unread;
  #data: unknown = null;
  #decoded: Map<unknown, unknown> | null = null;

  constructor(payload: Payload) {
    this.byteLength = payload.byteLength;
    this.#payload = payload;
  }

  text(): string {
    this.#text ??= this.#payload.text();
    return this.#text;
  }

  bytes(): Buffer {
    this.#bytes ??= this.#payload.bytes();
    return this.#bytes;
  }

  /** Whether the codec has read it: then {@link data} is what it made of it. */
  readBy(codec: unknown): boolean {
    if (this.#codec === codec) return true;
    if (this.#decoded === null || !this.#decoded.has(codec)) return false;
    this.#codec = codec;
    this.#data = this.#decoded.get(codec);
    return true;
  }

  get data(): unknown {
    return this.#data;
  }

  /** Keeps what the codec made of it for the others that have the same. */
  keep(codec: unknown, data: unknown): void {
    if (this.#codec !== unread) {
      this.#decoded ??= new Map([[this.#codec, this.#data]]);
      this.#decoded.set(codec, data);
    }
    this.#codec = codec;
    this.#data = data;
  }
}
