import type { Entry, Kind } from "./entry.ts";

/**
 * The entries by kind and key. An entry is here from the moment the user wants it until the server no longer sends for
 * it; a message finds its entry with one look-up.
 */
export class Registry {
  readonly channel: Map<string, Entry> = new Map();
  readonly pattern: Map<string, Entry> = new Map();
  readonly shard: Map<string, Entry> = new Map();

  /** All entries, the ones that are being unsubscribed included. */
  get size(): number {
    return this.channel.size + this.pattern.size + this.shard.size;
  }

  add(entry: Entry): void {
    this[entry.kind].set(entry.key, entry);
  }

  delete(entry: Entry): void {
    this[entry.kind].delete(entry.key);
  }

  clear(): void {
    this.channel.clear();
    this.pattern.clear();
    this.shard.clear();
  }

  *named(kind: Kind, keys: Iterable<string>): Generator<Entry> {
    for (const key of keys) {
      const entry = this[kind].get(key);
      if (entry !== undefined) yield entry;
    }
  }

  *wanted(kind: Kind): Generator<Entry> {
    for (const entry of this[kind].values()) if (entry.wanted) yield entry;
  }

  *[Symbol.iterator](): Generator<Entry> {
    yield* this.channel.values();
    yield* this.pattern.values();
    yield* this.shard.values();
  }
}
