import { NameMap } from "../../resp/name-map.ts";
import type { Entry, Kind } from "./entry.ts";

/** Stays empty. */
const none: NameMap<never> = /* @__PURE__ */ new NameMap<never>();

/**
 * The entries by kind and key. An entry is here from the moment the user wants it until the server no longer sends for
 * it; a message finds its entry with one look-up.
 */
export class Registry<E extends Entry = Entry> {
  channel: NameMap<E> = none as NameMap<E>;
  pattern: NameMap<E> = none as NameMap<E>;
  shard: NameMap<E> = none as NameMap<E>;
  /** The shard channels by slot. */
  readonly slots: Map<number, Set<E>> = new Map();

  /** All entries, the ones that are being unsubscribed included. */
  get size(): number {
    return this.channel.size + this.pattern.size + this.shard.size;
  }

  add(entry: E): void {
    // Most registries hold one kind.
    if (this[entry.kind] === none) this[entry.kind] = new NameMap();
    this[entry.kind].set(entry.key, entry);
    if (entry.kind !== "shard") return;
    const there = this.slots.get(entry.slot);
    if (there === undefined) this.slots.set(entry.slot, new Set([entry]));
    else there.add(entry);
  }

  delete(entry: E): void {
    this[entry.kind].delete(entry.key);
    const there = this.slots.get(entry.slot);
    if (there?.delete(entry) && there.size === 0) this.slots.delete(entry.slot);
  }

  clear(): void {
    this.channel = this.pattern = this.shard = none as NameMap<E>;
    this.slots.clear();
  }

  *named(kind: Kind, keys: Iterable<string>): Generator<E> {
    for (const key of keys) {
      const entry = this[kind].get(key);
      if (entry !== undefined) yield entry;
    }
  }

  *wanted(kind: Kind): Generator<E> {
    for (const entry of this[kind].values()) if (entry.wanted) yield entry;
  }

  /** All entries; shard channels of one slot come together. */
  *[Symbol.iterator](): Generator<E> {
    yield* this.channel.values();
    yield* this.pattern.values();
    for (const there of this.slots.values()) yield* there;
  }
}
