/** An error reply, kept as a value: it may stand inside an array, and the tests look at its text. */
export class RespError extends Error {
  override readonly name = "RespError";

  /** The first word: `NOPERM`, `WRONGPASS`, … */
  get code(): string {
    return this.message.split(" ", 1)[0] ?? "";
  }
}

/** A RESP3 push frame. */
export class RespPush {
  readonly items: readonly RespValue[];

  constructor(items: readonly RespValue[]) {
    this.items = items;
  }
}

/** Anything a RESP2 or RESP3 stream can hold. A bulk string is a `Buffer`, a simple string a `string`. */
export type RespValue =
  | Buffer
  | string
  | number
  | bigint
  | boolean
  | null
  | RespError
  | RespPush
  | Map<RespValue, RespValue>
  | RespValue[];

/** What `text` makes of a value: the same shape with every bulk string decoded as UTF-8 and maps keyed by text. */
export type TextValue = string | number | bigint | boolean | null | RespError | Map<string, TextValue> | TextValue[];

interface Aggregate {
  readonly kind: string;
  readonly items: RespValue[];
  missing: number;
}

const CR = 13;

/**
 * Bytes to values, written apart from the library's own decoder so that one cannot hide the faults of the other.
 *
 * Nested values stand on an explicit stack, so a frame that arrives in a thousand pieces is read once, not a thousand
 * times.
 */
export class RespReader {
  #bytes: Buffer = Buffer.alloc(0);
  #offset = 0;
  readonly #stack: Aggregate[] = [];

  /** Adds bytes to be read by `next`. */
  feed(chunk: Buffer): void {
    this.#bytes =
      this.#offset === this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#offset), chunk]);
    this.#offset = 0;
  }

  /** The next complete value, or `undefined` while more bytes are needed. */
  next(): RespValue | undefined {
    for (;;) {
      let value = this.#token();
      if (value === undefined) return undefined;
      if (value instanceof OpenAggregate) {
        this.#stack.push({ kind: value.kind, items: [], missing: value.length });
        if (value.length > 0) continue;
        value = this.#closeTop();
      }
      for (;;) {
        const top = this.#stack.at(-1);
        if (top === undefined) return value;
        top.items.push(value);
        top.missing -= 1;
        if (top.missing > 0) break;
        value = this.#closeTop();
      }
    }
  }

  /** All the complete values there are. */
  *drain(): Generator<RespValue> {
    for (let value = this.next(); value !== undefined; value = this.next()) yield value;
  }

  #closeTop(): RespValue {
    const top = this.#stack.pop();
    if (top === undefined) throw new Error("no open aggregate to close");
    if (top.kind === ">") return new RespPush(top.items);
    if (top.kind !== "%") return top.items;
    const map = new Map<RespValue, RespValue>();
    for (let index = 0; index < top.items.length; index += 2) {
      map.set(top.items[index] ?? null, top.items[index + 1] ?? null);
    }
    return map;
  }

  /** One scalar, or the head of an aggregate; consumes nothing unless it is whole. */
  #token(): RespValue | OpenAggregate | undefined {
    const end = this.#bytes.indexOf("\r\n", this.#offset);
    if (end < 0) return undefined;
    const kind = String.fromCharCode(this.#bytes[this.#offset] ?? 0);
    const line = this.#bytes.toString("utf8", this.#offset + 1, end);
    const after = end + 2;
    switch (kind) {
      case "$":
      case "=":
      case "!":
        return this.#bulk(kind, Number(line), after);
      case "*":
      case "~":
      case ">":
      case "%":
        this.#offset = after;
        if (line === "-1") return null;
        return new OpenAggregate(kind, Number(line) * (kind === "%" ? 2 : 1));
    }
    const value = scalar(kind, line);
    if (value === undefined) {
      // Not RESP: an inline command, as typed into a terminal.
      const words = this.#bytes.toString("latin1", this.#offset, end).split(" ").filter(Boolean);
      this.#offset = after;
      return words.map((word) => Buffer.from(word, "latin1"));
    }
    this.#offset = after;
    return value;
  }

  #bulk(kind: string, length: number, start: number): RespValue | undefined {
    if (length < 0) {
      this.#offset = start;
      return null;
    }
    const end = start + length;
    if (this.#bytes.length < end + 2) return undefined;
    if (this.#bytes[end] !== CR) throw new Error(`a bulk string of ${length} bytes does not end where it says`);
    // A copy: a test that keeps a payload must not keep the whole chunk, nor see it change.
    const bytes = Buffer.from(this.#bytes.subarray(start, end));
    this.#offset = end + 2;
    if (kind === "!") return new RespError(bytes.toString());
    return kind === "=" ? bytes.toString("utf8", 4) : bytes;
  }
}

class OpenAggregate {
  readonly kind: string;
  readonly length: number;

  constructor(kind: string, length: number) {
    if (!Number.isSafeInteger(length) || length < 0) throw new Error(`an aggregate "${kind}" of a bad length`);
    this.kind = kind;
    this.length = length;
  }
}

function scalar(kind: string, line: string): RespValue | undefined {
  switch (kind) {
    case "+":
      return line;
    case "-":
      return new RespError(line);
    case ":":
      return Number(line);
    case ",":
      return Number(line.replace("inf", "Infinity"));
    case "(":
      return BigInt(line);
    case "#":
      return line === "t";
    case "_":
      return null;
    default:
      return undefined;
  }
}

/** Decodes every bulk string of a value as UTF-8. */
export function text(value: RespValue): TextValue {
  if (Buffer.isBuffer(value)) return value.toString();
  if (value instanceof RespPush) return value.items.map(text);
  if (Array.isArray(value)) return value.map(text);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [String(text(key)), text(item)]));
  return value;
}
