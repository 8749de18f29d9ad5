import type { Payload } from "../resp/reply.ts";
import type { Entry, Kind, Sink } from "./entry.ts";

/** A member of a hub that wants a name, and its own entry for it. */
export interface Share<Member> {
  readonly member: Member;
  readonly entry: Entry;
}

/** A name that members of a hub want: what arrives for it goes to each of them. */
export class Topic<Member = unknown> implements Sink {
  readonly kind: Kind;
  readonly key: string;
  /** Replaced, never changed: members may come and go while a message goes round. */
  shares: readonly Share<Member>[] = [];

  constructor(kind: Kind, key: string) {
    this.kind = kind;
    this.key = key;
  }

  add(member: Member, entry: Entry): void {
    if (!this.shares.some((share) => share.entry === entry)) this.shares = [...this.shares, { member, entry }];
  }

  /** False if the entry has no share in it. */
  delete(entry: Entry): boolean {
    const before = this.shares.length;
    this.shares = this.shares.filter((share) => share.entry !== entry);
    return this.shares.length < before;
  }

  message(_entry: Entry, payload: Payload): void {
    const { shares } = this;
    const shared = shares.length > 1 ? new SharedPayload(payload) : payload;
    for (const share of shares) {
      if (this.#has(shares, share)) share.entry.sink.message(share.entry, shared);
    }
  }

  pmessage(_entry: Entry, channel: string, payload: Payload): void {
    const { shares } = this;
    const shared = shares.length > 1 ? new SharedPayload(payload) : payload;
    for (const share of shares) {
      if (this.#has(shares, share)) share.entry.sink.pmessage(share.entry, channel, shared);
    }
  }

  /** Who leaves while a message goes round gets it no more. */
  #has(before: readonly Share<Member>[], share: Share<Member>): boolean {
    return this.shares === before || this.shares.includes(share);
  }
}

/** A payload that several consumers take: read once, and decoded once for each codec. */
export class SharedPayload implements Payload {
  readonly byteLength: number;
  readonly #payload: Payload;
  #text: string | null = null;
  #bytes: Buffer | null = null;
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

  /** What `decode` made of it for this codec, now or before. What it throws is thrown for each. */
  once(codec: unknown, decode: () => unknown): unknown {
    this.#decoded ??= new Map();
    if (this.#decoded.has(codec)) return this.#decoded.get(codec);
    const data = decode();
    this.#decoded.set(codec, data);
    return data;
  }
}
