import { randomInt } from "node:crypto";

/** Longer names, in bytes, are found by their keys alone. */
const LONGEST = 128;
/** So many places are tried for a name; one that finds none free is found by its key alone. */
const TRIES = 8;
/** Records of deleted values, kept in case their names return: so many, or half of all. */
const MOST_DELETED = 64;
/** What maps that indexed nothing yet have in common; nothing is written to it. */
const NOTHING = new Int32Array(1);

/**
 * A map by name that can also be asked with the bytes of the name where they lie in memory, for that is how a message
 * names its channel: no text is made, nothing is allocated.
 *
 * The map itself, by key, holds what is true. Beside it is an index of the names that were asked for by their bytes:
 *
 *     #slots    . . 12 . 0+1 . . .          by hash: where the record begins, plus one; 0 is free
 *     #records  | value's number | length | four bytes of the name | four more | value's number | …
 *     #values   [ … ]
 *
 * A name that the index does not know is looked up by key, and indexed if it is there. So the index may forget, and
 * names chosen to collide cost no more than the slower look-up.
 */
export class NameMap<V> extends Map<string, V> {
  readonly #seed: number;
  #slots: Int32Array = NOTHING;
  #records: Int32Array = NOTHING;
  /** How much of them is in use. */
  #end = 0;
  /** A value that was deleted is `undefined`, and its record stays. */
  #values: (V | undefined)[] = [];
  #deleted = 0;

  constructor() {
    super();
    this.#seed = randomInt(2 ** 31);
  }

  /** The value of the name at [from, to), a range behind which three more bytes can be read. */
  find(view: DataView, from: number, to: number): V | undefined {
    const hash = this.#hash(view, from, to);
    const record = this.#locate(view, from, to, hash);
    if (record !== -1) {
      const value = this.#values[this.#records[record] as number];
      if (value !== undefined) return value;
    }
    const value = this.get(Buffer.from(view.buffer, view.byteOffset + from, to - from).toString("latin1"));
    if (value !== undefined && to - from <= LONGEST) this.#index(view, from, to, { hash, record, value });
    return value;
  }

  override set(key: string, value: V): this {
    this.#unindex(key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#unindex(key);
    return super.delete(key);
  }

  override clear(): void {
    this.#reset();
    super.clear();
  }

  // ---

  #hash(view: DataView, from: number, to: number): number {
    let hash = this.#seed ^ (to - from);
    for (let at = from; at < to; at += 4) hash = mixed(hash, wordAt(view, at, to));
    return spread(hash);
  }

  /** Where the name's record begins; -1 if it has none. */
  #locate(view: DataView, from: number, to: number, hash: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    for (let step = 0; step < TRIES; step++) {
      const record = (slots[(hash + step) & last] as number) - 1;
      if (record === -1 || this.#isAt(record, view, from, to)) return record;
    }
    return -1;
  }

  #isAt(record: number, view: DataView, from: number, to: number): boolean {
    const records = this.#records;
    if (records[record + 1] !== to - from) return false;
    for (let at = from, word = record + 2; at < to; at += 4, word++) {
      if (records[word] !== wordAt(view, at, to)) return false;
    }
    return true;
  }

  /** Puts a value into the index, where the name has a record of a deleted value into that. */
  #index(
    view: DataView,
    from: number,
    to: number,
    { hash, record, value }: { hash: number; record: number; value: V },
  ): void {
    if (record !== -1) {
      this.#values[this.#records[record] as number] = value;
      this.#deleted--;
      return;
    }
    if ((this.#values.length + 1) * 2 > this.#slots.length) this.#grow();
    if (!this.#place(this.#end, hash)) return;
    const size = 2 + Math.ceil((to - from) / 4);
    if (this.#end + size > this.#records.length) {
      const larger = new Int32Array(Math.max(64, size, this.#records.length) * 2);
      larger.set(this.#records.subarray(0, this.#end));
      this.#records = larger;
    }
    const records = this.#records;
    records[this.#end++] = this.#values.push(value) - 1;
    records[this.#end++] = to - from;
    for (let at = from; at < to; at += 4) records[this.#end++] = wordAt(view, at, to);
  }

  /** Makes a slot lead to a record; false if none is free nearby. */
  #place(record: number, hash: number): boolean {
    const slots = this.#slots;
    const last = slots.length - 1;
    for (let step = 0; step < TRIES; step++) {
      const slot = (hash + step) & last;
      if (slots[slot] !== 0) continue;
      slots[slot] = record + 1;
      return true;
    }
    return false;
  }

  /** Doubles the slots. A record that had a place finds one again: it comes after the same others, which are no nearer. */
  #grow(): void {
    this.#slots = new Int32Array(Math.max(8, this.#slots.length * 2));
    const records = this.#records;
    for (let record = 0; record < this.#end; ) {
      const length = records[record + 1] as number;
      const end = record + 2 + Math.ceil(length / 4);
      let hash = this.#seed ^ length;
      for (let word = record + 2; word < end; word++) hash = mixed(hash, records[word] as number);
      this.#place(record, spread(hash));
      record = end;
    }
  }

  #unindex(key: string): void {
    if (this.#values.length === 0 || key.length > LONGEST) return;
    const length = scratch.write(key, "latin1");
    const record = this.#locate(scratchView, 0, length, this.#hash(scratchView, 0, length));
    if (record === -1) return;
    const number = this.#records[record] as number;
    if (this.#values[number] === undefined) return;
    this.#values[number] = undefined;
    this.#deleted++;
    if (this.#deleted > Math.max(MOST_DELETED, this.#values.length / 2)) this.#reset();
  }

  #reset(): void {
    this.#slots = NOTHING;
    this.#records = NOTHING;
    this.#end = 0;
    this.#values = [];
    this.#deleted = 0;
  }
}

const scratch = Buffer.alloc(LONGEST + 4);
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** The upper bits, where the last bytes of a name are, into the lower ones, which find the slot. */
function spread(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return product ^ (product >>> 13);
}

/** Four bytes of a name, or the rest of it. */
function wordAt(view: DataView, at: number, to: number): number {
  const word = view.getInt32(at, true);
  return to - at >= 4 ? word : word & ((1 << ((to - at) * 8)) - 1);
}
