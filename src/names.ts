import { types } from "node:util";

/**
 * Names of channels and patterns. To Redis a name is bytes; here it has two forms:
 *
 * - its *key*: a string with one char per byte (latin1), so that equal keys are equal bytes and a Map can hold it;
 * - the name *as shown*: the UTF-8 text, or a Buffer with `names: "bytes"`.
 *
 * For an ASCII name the two are the same string.
 */

/** A name wherever one goes in: text (sent as UTF-8) or bytes. */
export type NameInput = string | Uint8Array;

/** How names are shown in messages and maps: as text, or as Buffers. */
export type NameForm = "utf8" | "bytes";

/** Whether a value may stand for a name. */
export function isName(value: unknown): value is NameInput {
  return typeof value === "string" || types.isUint8Array(value);
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** The one-char-per-byte string that stands for these bytes. */
export function latin1(value: string | Uint8Array): string {
  if (typeof value === "string") return isAscii(value) ? value : Buffer.from(value).toString("latin1");
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
}

/** The name that a key stands for, in the form asked for. */
export function nameOf(key: string, form: NameForm): string | Buffer {
  if (form === "bytes") return Buffer.from(key, "latin1");
  return isAscii(key) ? key : Buffer.from(key, "latin1").toString();
}

/**
 * A read-only map of names that compares bytes: a Buffer finds what its text was stored under, and the reverse.
 * It is a view: it shows its source as it is now.
 */
export class NameView<Name extends string | Buffer, Value> implements ReadonlyMap<Name, Value> {
  readonly #find: (key: string) => [Name, Value] | undefined;
  readonly #all: () => Iterable<[Name, Value]>;
  readonly #size: () => number;

  constructor(
    find: (key: string) => [Name, Value] | undefined,
    all: () => Iterable<[Name, Value]>,
    size: () => number,
  ) {
    this.#find = find;
    this.#all = all;
    this.#size = size;
  }

  get size(): number {
    return this.#size();
  }

  get(name: NameInput): Value | undefined {
    return this.#find(latin1(name))?.[1];
  }

  has(name: NameInput): boolean {
    return this.#find(latin1(name)) !== undefined;
  }

  forEach(callback: (value: Value, name: Name, map: ReadonlyMap<Name, Value>) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  entries(): MapIterator<[Name, Value]> {
    return this[Symbol.iterator]();
  }

  *keys(): MapIterator<Name> {
    for (const [name] of this.#all()) yield name;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.#all()) yield value;
  }

  *[Symbol.iterator](): MapIterator<[Name, Value]> {
    yield* this.#all();
  }

  get [Symbol.toStringTag](): string {
    return "NameView";
  }
}

// Printed as the map that it shows.
Object.defineProperty(NameView.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: NameView<string | Buffer, unknown>) {
    return new Map(this);
  },
});

/** A Map of names that are text; bytes find what their text was stored under. */
export function textMap<Value>(entries: Iterable<readonly [string, Value]>): Map<string, Value> {
  const map = new Map(entries);
  // On the object itself: what compares Maps compares their classes.
  return Object.defineProperties(map, {
    get: { value: (name: NameInput) => Map.prototype.get.call(map, textOf(name)) },
    has: { value: (name: NameInput) => Map.prototype.has.call(map, textOf(name)) },
  });
}

function textOf(name: NameInput): string {
  return typeof name === "string" ? name : Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString();
}

/** A map of names that compares bytes, filled once, in order. */
export function nameMap<Value>(
  entries: Iterable<readonly [key: string, value: Value]>,
  form: NameForm,
): NameView<string | Buffer, Value> {
  const byKey = new Map<string, [string | Buffer, Value]>();
  for (const [key, value] of entries) byKey.set(key, [nameOf(key, form), value]);
  return new NameView(
    (key) => byKey.get(key),
    () => byKey.values(),
    () => byKey.size,
  );
}
