import type { Payload } from "../resp/reply.ts";
import type { Entry, Kind, Sink } from "./entry.ts";

/** A name that members of a hub want: what arrives goes to the entries that are confirmed, in the order of that. */
export class Topic<Own extends Entry = Entry> implements Sink {
  readonly kind: Kind;
  readonly key: string;
  /** A subscribe for this name alone that is on its way: who wants it meanwhile, and as long, waits for the same. */
  pending: { readonly subscribed: Promise<void>; readonly timeout: number } | null = null;
  /** Those that receive. One that is removed while a message is delivered does not receive it. */
  readonly entries: Set<Own> = new Set();
  /** Those that are wanted and not confirmed yet: what was published before does not come. */
  readonly waiting: Set<Own> = new Set();

  constructor(kind: Kind, key: string) {
    this.kind = kind;
    this.key = key;
  }

  /** The entry is confirmed: it receives from now on. */
  admit(entry: Own): void {
    if (this.waiting.delete(entry)) this.entries.add(entry);
  }

  /** The entry receives nothing more. */
  remove(entry: Own): void {
    this.waiting.delete(entry);
    this.entries.delete(entry);
  }

  get empty(): boolean {
    return this.entries.size === 0 && this.waiting.size === 0;
  }

  message({ link }: Entry, payload: Payload): void {
    const { entries } = this;
    const shared = entries.size > 1 ? new SharedPayload(payload) : payload;
    for (const own of entries) {
      own.link = link;
      own.sink.message(own, shared);
    }
  }

  pmessage({ link }: Entry, channel: string, payload: Payload): void {
    const { entries } = this;
    const shared = entries.size > 1 ? new SharedPayload(payload) : payload;
    for (const own of entries) {
      own.link = link;
      own.sink.pmessage(own, channel, shared);
    }
  }
}

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
