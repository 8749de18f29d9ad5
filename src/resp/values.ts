import { ProtocolError, ServerError } from "../errors.ts";
import type { Limits } from "./limits.ts";
import type { Reply } from "./reply.ts";
import type { Window } from "./window.ts";

/** No value yet: the rest of the frame has not arrived. */
export const INCOMPLETE: unique symbol = Symbol("incomplete");

type Kind = "array" | "set" | "map" | "push" | "attribute";

/** An aggregate whose elements are still arriving. A map's keys and values lie in `items` by turns. */
interface Open {
  readonly kind: Kind;
  left: number;
  readonly items: Reply[];
}

/** A pushed frame, as distinct from a reply. */
export class Push {
  readonly items: Reply[];
  constructor(items: Reply[]) {
    this.items = items;
  }
}

const CR = 0x0d;
const LF = 0x0a;

/**
 * All of RESP2 and RESP3, one value at a time, wherever the bytes are cut. Scalars are taken when they are complete;
 * open aggregates wait on a stack of our own, so nested input never deepens the call stack, and what was read once is
 * never read again. Streamed strings and aggregates, which no server sends, are refused.
 */
export class ValueDecoder {
  readonly #window: Window;
  readonly #limits: Limits;
  readonly #stack: Open[] = [];
  /** Pushes among the open aggregates; what they carry stays bytes. */
  #pushes = 0;
  #elements = 0;
  #bytes = 0;
  /** How far behind `start` a line's end was looked for in vain. */
  #searched = 0;

  constructor(window: Window, limits: Limits) {
    this.#window = window;
    this.#limits = limits;
  }

  /** Whether a frame has been begun here and not ended. */
  get begun(): boolean {
    return this.#stack.length > 0 || this.#searched > 0 || this.#bytes > 0;
  }

  /** The next reply or push, or {@link INCOMPLETE}. A push inside an aggregate comes out on its own. */
  next(text: boolean): Reply | Push | typeof INCOMPLETE {
    for (;;) {
      const before = this.#window.start;
      let value = this.#element(text);
      if (value === INCOMPLETE) return INCOMPLETE;
      this.#bytes += this.#window.start - before;
      if (this.#bytes > this.#limits.frame) throw this.#tooLarge("frame", this.#limits.frame);
      // An empty push or attribute is a whole frame that says nothing.
      if (value === undefined && this.#stack.length === 0) this.#bytes = this.#elements = 0;
      while (value !== undefined) {
        const open = this.#stack.at(-1);
        if (open === undefined) {
          this.#elements = 0;
          this.#bytes = 0;
          return value;
        }
        open.items.push(value);
        if (--open.left > 0) break;
        this.#stack.pop();
        if (open.kind === "push") {
          this.#pushes--;
          return this.#pushed(open.items);
        }
        value = open.kind === "attribute" ? undefined : close(open);
      }
    }
  }

  #pushed(items: Reply[]): Push {
    if (this.#stack.length === 0) this.#bytes = this.#elements = 0;
    return new Push(items);
  }

  /** A scalar or an empty aggregate; `undefined` when an aggregate was opened. */
  #element(text: boolean): Reply | undefined | typeof INCOMPLETE {
    const { buffer, start } = this.#window;
    const lineEnd = this.#lineEnd();
    if (lineEnd < 0) return INCOMPLETE;
    const type = buffer[start] as number;
    switch (type) {
      case 0x24: // $
      case 0x3d: // =
      case 0x21: // !
        return this.#bulk(type, start + 1, lineEnd, text);
      case 0x2a: // *
        return this.#open("array", 1, lineEnd);
      case 0x3e: // >
        return this.#open("push", 1, lineEnd);
      case 0x25: // %
        return this.#open("map", 2, lineEnd);
      case 0x7e: // ~
        return this.#open("set", 1, lineEnd);
      case 0x7c: // |
        return this.#open("attribute", 2, lineEnd);
      default: {
        const line = buffer.toString("utf8", start + 1, lineEnd);
        this.#window.start = lineEnd + 2;
        return scalar(type, line);
      }
    }
  }

  /** The position of the \r that ends the line at `start`, or -1 while it has not arrived. */
  #lineEnd(): number {
    const { buffer, start, end } = this.#window;
    const found = buffer.indexOf(LF, start + this.#searched);
    const missing = found < 0 || found >= end;
    if ((missing ? end : found) - start > this.#limits.line) throw this.#tooLarge("line", this.#limits.line);
    this.#searched = missing ? end - start : 0;
    if (missing) return -1;
    if (found - 1 <= start || buffer[found - 1] !== CR) {
      throw new ProtocolError("A line is empty, or ends without a carriage return.");
    }
    return found - 1;
  }

  #bulk(type: number, from: number, lineEnd: number, text: boolean): Reply | typeof INCOMPLETE {
    const length = this.#length(from, lineEnd);
    const { buffer, end } = this.#window;
    const bodyFrom = lineEnd + 2;
    if (length < 0) {
      if (type !== 0x24) throw new ProtocolError("A negative length stands where none may.");
      this.#window.start = bodyFrom;
      return null;
    }
    if (length > this.#limits.bulk) throw this.#tooLarge("bulk string", this.#limits.bulk);
    const bodyTo = bodyFrom + length;
    if (bodyTo + 2 > end) return INCOMPLETE;
    if (buffer[bodyTo] !== CR || buffer[bodyTo + 1] !== LF) {
      throw new ProtocolError("A bulk string does not end where its length says.");
    }
    this.#window.start = bodyTo + 2;
    if (type === 0x21) return new ServerError(buffer.toString("utf8", bodyFrom, bodyTo));
    const asText = text && this.#pushes === 0;
    if (type === 0x24) {
      return asText ? buffer.toString("utf8", bodyFrom, bodyTo) : this.#window.bytes(bodyFrom, bodyTo);
    }
    if (length < 4 || buffer[bodyFrom + 3] !== 0x3a) throw new ProtocolError("A verbatim string has no format.");
    return asText ? buffer.toString("utf8", bodyFrom + 4, bodyTo) : this.#window.bytes(bodyFrom + 4, bodyTo);
  }

  #open(kind: Kind, perItem: 1 | 2, lineEnd: number): Reply | undefined {
    const count = this.#length(this.#window.start + 1, lineEnd);
    if (count < 0 && kind !== "array") throw new ProtocolError("A negative length stands where none may.");
    this.#window.start = lineEnd + 2;
    if (count < 0) return null;
    const left = count * perItem;
    this.#elements += left;
    if (this.#elements > this.#limits.elements) throw this.#tooLarge("reply", this.#limits.elements, "elements");
    const open: Open = { kind, left, items: [] };
    if (left === 0) return kind === "attribute" || kind === "push" ? undefined : close(open);
    if (this.#stack.length >= this.#limits.depth)
      throw new ProtocolError(`A reply nests deeper than ${this.#limits.depth}.`);
    this.#stack.push(open);
    if (kind === "push") this.#pushes++;
    return undefined;
  }

  /** A length line: digits, or exactly -1. */
  #length(from: number, to: number): number {
    const { buffer } = this.#window;
    if (buffer[from] === 0x3f) throw new ProtocolError("Streamed strings and aggregates are not supported.");
    if (to - from === 2 && buffer[from] === 0x2d && buffer[from + 1] === 0x31) return -1;
    let length = 0;
    for (let i = from; i < to; i++) {
      const digit = (buffer[i] as number) - 0x30;
      if (digit < 0 || digit > 9) throw new ProtocolError("A length is not a number.");
      length = length * 10 + digit;
    }
    if (from === to || to - from > 15) throw new ProtocolError("A length is not a number.");
    return length;
  }

  #tooLarge(what: string, limit: number, unit = "bytes"): ProtocolError {
    return new ProtocolError(`A ${what} is larger than ${limit} ${unit}. The stream is broken or hostile.`);
  }
}

function close({ kind, items }: Open): Reply {
  if (kind === "set") return new Set(items);
  if (kind !== "map") return items;
  const map = new Map<Reply, Reply>();
  for (let i = 0; i < items.length; i += 2) map.set(items[i] as Reply, items[i + 1] as Reply);
  return map;
}

function scalar(type: number, line: string): Reply {
  switch (type) {
    case 0x2b: // +
      return line;
    case 0x2d: // -
      return new ServerError(line);
    case 0x3a: // :
      return integer(line);
    case 0x28: // (
      return bigInteger(line);
    case 0x2c: // ,
      return double(line);
    case 0x23: // #
      if (line === "t" || line === "f") return line === "t";
      throw new ProtocolError("A boolean is neither t nor f.");
    case 0x5f: // _
      if (line === "") return null;
      throw new ProtocolError("A null carries a value.");
    default:
      throw new ProtocolError(
        `No RESP type begins with byte 0x${type.toString(16).padStart(2, "0")}. Is this a Redis server?`,
      );
  }
}

function integer(line: string): number | bigint {
  if (!/^[+-]?\d{1,20}$/.test(line)) throw new ProtocolError("An integer is not a number.");
  const value = Number(line);
  return Number.isSafeInteger(value) ? value : BigInt(line);
}

function bigInteger(line: string): bigint {
  if (!/^[+-]?\d+$/.test(line)) throw new ProtocolError("A big number is not a number.");
  // BigInt() takes no plus sign.
  return BigInt(line.startsWith("+") ? line.slice(1) : line);
}

function double(line: string): number {
  if (line === "inf" || line === "+inf") return Number.POSITIVE_INFINITY;
  if (line === "-inf") return Number.NEGATIVE_INFINITY;
  if (line === "nan" || line === "-nan") return Number.NaN;
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(line)) throw new ProtocolError("A double is not a number.");
  return Number(line);
}
