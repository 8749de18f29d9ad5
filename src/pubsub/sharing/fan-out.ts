import type { Payload } from "../../resp/reply.ts";
import { SharedPayload } from "../model/shared-payload.ts";
import type { Entry, Kind, Sink } from "../subscriptions/entry.ts";

/** A name that shared consumers want: what arrives goes to the entries that are confirmed, in the order of that. */
export class FanOut<Own extends Entry = Entry> implements Sink {
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
