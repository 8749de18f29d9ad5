import { ServerError } from "../../src/errors.ts";
import type { Limits } from "../../src/resp/limits.ts";
import type { Reply } from "../../src/resp/reply.ts";

/** Where the reference puts what it reads. */
export interface Listener {
  push(items: Reply[]): void;
  reply(value: Reply): void;
}

export interface ReferenceOptions {
  /** Whether the bulk strings of replies are wanted as text. */
  readonly text: boolean;
  readonly limits: Limits;
}

/** How a stream ended: whole frames only, inside a frame, or with something that no server sends. */
export type Verdict = "whole" | "unfinished" | "refused";

/** Thrown at the place where reading ends. */
class Stop {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    this.verdict = verdict;
  }
}

/** A push or an attribute: it takes no place among the values around it. */
const ASIDE = Symbol("aside");
type Read = Reply | typeof ASIDE;

/**
 * All of RESP, read from a stream that is there as a whole: one function calls itself for what is nested, and knows no
 * chunks, no short cuts and no memory to save. It is slow and short, so that whatever the library's decoder makes of any
 * stream, valid or not, can be compared with it.
 */
export class Reference {
  readonly #bytes: string;
  readonly #listener: Listener;
  readonly #options: ReferenceOptions;
  #at = 0;
  /** Where the frame at hand begins, and how many elements it has announced. */
  #frame = 0;
  #elements = 0;

  constructor(stream: Buffer, listener: Listener, options: ReferenceOptions) {
    this.#bytes = stream.toString("latin1");
    this.#listener = listener;
    this.#options = options;
  }

  read(): Verdict {
    try {
      while (this.#at < this.#bytes.length) {
        const value = this.#value([]);
        if (value !== ASIDE) {
          this.#listener.reply(value);
          this.#endFrame();
        }
      }
      return "whole";
    } catch (stop) {
      if (stop instanceof Stop) return stop.verdict;
      throw stop;
    }
  }

  #endFrame(): void {
    this.#frame = this.#at;
    this.#elements = 0;
  }

  /** The next value; `around` are the kinds of the aggregates it stands in. */
  #value(around: readonly string[]): Read {
    const kind = this.#bytes[this.#at] as string;
    const line = this.#line();
    if ("$!=".includes(kind)) return this.#scalar(this.#bulk(kind, line, around));
    if ("*~>%|".includes(kind)) return this.#aggregate(kind, line, around);
    return this.#scalar(plain(kind, line));
  }

  #scalar(value: Reply): Reply {
    this.#limit("frame", this.#at - this.#frame);
    return value;
  }

  /** What follows the first byte, up to the end of the line. */
  #line(): string {
    const end = this.#bytes.indexOf("\n", this.#at);
    this.#limit("line", (end < 0 ? this.#bytes.length : end) - this.#at);
    if (end < 0) throw new Stop("unfinished");
    const line = this.#bytes.slice(this.#at, end);
    if (line.length < 2 || !line.endsWith("\r")) throw new Stop("refused");
    this.#at = end + 1;
    return line.slice(1, -1);
  }

  #bulk(kind: string, line: string, around: readonly string[]): Reply {
    if (line === "-1" && kind === "$") return null;
    const length = count(line);
    this.#limit("bulk", length);
    if (this.#at + length + 2 > this.#bytes.length) throw new Stop("unfinished");
    const body = Buffer.from(this.#bytes.slice(this.#at, this.#at + length), "latin1");
    this.#at += length;
    if (this.#bytes.slice(this.#at, this.#at + 2) !== "\r\n") throw new Stop("refused");
    this.#at += 2;
    if (kind === "!") return new ServerError(utf8(body));
    if (kind === "$") return this.#options.text && !around.includes(">") ? utf8(body) : body;
    if (body.length < 4 || body[3] !== ":".charCodeAt(0)) throw new Stop("refused");
    return utf8(body.subarray(4));
  }

  #aggregate(kind: string, line: string, around: readonly string[]): Read {
    if (line === "-1" && kind === "*") return this.#scalar(null);
    const length = count(line) * ("%|".includes(kind) ? 2 : 1);
    this.#elements += length;
    this.#limit("elements", this.#elements);
    if (length > 0) this.#limit("depth", around.length + 1);
    this.#limit("frame", this.#at - this.#frame);
    const items: Reply[] = [];
    while (items.length < length) {
      if (this.#at === this.#bytes.length) throw new Stop("unfinished");
      const item = this.#value([...around, kind]);
      if (item !== ASIDE) items.push(item);
    }
    if (kind === "|" || kind === ">") {
      if (kind === ">" && length > 0) this.#listener.push(items);
      // Attributes belong to the frame behind them, unless there are none.
      if (around.length === 0 && (kind === ">" || length === 0)) this.#endFrame();
      return ASIDE;
    }
    if (kind === "*") return items;
    if (kind === "~") return new Set(items);
    return new Map(items.flatMap((key, index) => (index % 2 === 0 ? [[key, items[index + 1] as Reply]] : [])));
  }

  #limit(what: keyof Limits, size: number): void {
    if (size > this.#options.limits[what]) throw new Stop("refused");
  }
}

/** As the standard has it, not as the library does it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const utf8 = (bytes: Buffer): string => decoder.decode(bytes);

function count(line: string): number {
  if (!/^[0-9]{1,15}$/.test(line)) throw new Stop("refused");
  return Number(line);
}

/** The value of a line that is one. */
function plain(kind: string, line: string): Reply {
  const text = utf8(Buffer.from(line, "latin1"));
  if (kind === "+") return text;
  if (kind === "-") return new ServerError(text);
  if (kind === "_" && line === "") return null;
  if (kind === "#" && (line === "t" || line === "f")) return line === "t";
  const { sign = "", digits = "" } = /^(?<sign>[+-]?)(?<digits>[0-9]+)$/.exec(line)?.groups ?? {};
  const big = digits === "" ? null : BigInt(digits) * (sign === "-" ? -1n : 1n);
  if (kind === "(" && big !== null) return big;
  if (kind === ":" && big !== null && digits.length <= 20) {
    const value = Number(line);
    return Number.isSafeInteger(value) ? value : big;
  }
  if (kind === ",") {
    const special = /^(?:[+]?inf|-inf|-?nan)$/.exec(line)?.[0];
    if (special !== undefined) return special.includes("nan") ? Number.NaN : Number(special.replace("inf", "Infinity"));
    // No number in JavaScript's own notations, such as hexadecimal, and no empty one.
    if (/^[-+.0-9eE]+$/.test(line) && !Number.isNaN(Number(line))) return Number(line);
  }
  throw new Stop("refused");
}
