import { type Check, checkOptions, describe, isIterable, milliseconds, numeric, signal } from "../../core/checks.ts";
import { ArgumentError } from "../../errors.ts";
import { isName, latin1 } from "../../names.ts";
import type { AnyHandler } from "../delivery/handler.ts";
import type { SubscribeOptions } from "../model/types.ts";

/** The keys of names, in the order given. */
export interface Keys extends Iterable<string> {
  readonly length: number;
}

/** Names, and where their messages go. */
export interface Wanted {
  readonly keys: Keys;
  /** One handler for all, none, or each name's own. */
  readonly handlers: AnyHandler | null | ReadonlyMap<string, AnyHandler | null>;
}

/** What a `subscribe` asks for. */
export interface Request extends Wanted {
  readonly options: SubscribeOptions;
}

/** Options of `drain`. */
export const drainOptions: Readonly<Record<string, Check>> = {
  timeout: numeric("a number of milliseconds from 0, below 2^31", (value) => value >= 0 && value < 2 ** 31),
};

/** Longer than any real name, and so short that a command with one, in UTF-8, is a text still. */
const LONGEST_NAME = 128 * 1024 * 1024;

/** Of more names the keys are made when they are asked for, so that the caller's turn of the event loop is not held. */
const MANY = 2000;

/**
 * Reads the forms of `subscribe`: `(...names)`, `(name | names, options?)`, `(name | names, handler, options?)` and
 * `(handlers, options?)`. `what` is "channel" or "pattern", for the words of an error.
 */
export function readSubscribe(what: string, args: readonly unknown[]): Request {
  const [first, second, third] = args;
  if (args.length === 0) throw new ArgumentError(`Subscribe takes at least one ${what}.`);
  const handlerLeftOut = second === undefined && (args.length > 2 || (args.length === 2 && isName(first)));
  if (typeof second === "function" || handlerLeftOut) {
    atMost(3, args);
    return request(
      what,
      { keys: readNames(what, first), handlers: second === undefined ? null : (second as AnyHandler) },
      third,
    );
  }
  if (args.length === 2 && isName(first) && isPlain(second)) {
    return request(what, { keys: [keyOf(what, first)], handlers: null }, second);
  }
  if (isName(first)) return request(what, { keys: readNames(what, args), handlers: null }, undefined);
  atMost(2, args);
  return request(what, isIterable(first) ? readItems(what, first) : withHandlers(readRecord(what, first)), second);
}

/** Reads the forms of `unsubscribe`: `()` is all (`null`), `(...names)`, `(names)`. */
export function readUnsubscribe(what: string, args: readonly unknown[]): ReadonlySet<string> | null {
  const [first] = args;
  if (args.length === 0) return null;
  if (args.length === 1 && isIterable(first)) return new Set(Array.from(first, (name) => keyOf(what, name)));
  return new Set(args.map((name) => keyOf(what, name)));
}

/** A name, or an iterable of names. */
export function readNames(what: string, names: unknown): Keys {
  if (!isIterable(names)) return [keyOf(what, names)];
  const list = [...names];
  return list.length > MANY && list.every(isText) ? new KeysOfTexts(list) : list.map((name) => keyOf(what, name));
}

function isText(name: unknown): name is string {
  return typeof name === "string" && name.length <= LONGEST_NAME;
}

/** The keys of texts, each made when it is asked for. */
class KeysOfTexts implements Keys {
  readonly length: number;
  readonly #texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.length = texts.length;
  }

  *[Symbol.iterator](): Generator<string> {
    for (const text of this.#texts) yield latin1(text);
  }
}

/** An object or an iterable of pairs: names with their handlers. */
export function readHandlers(what: string, handlers: unknown): [string, AnyHandler | null][] {
  if (!isIterable(handlers)) return readRecord(what, handlers);
  return Array.from(handlers, (item) => {
    if (!Array.isArray(item))
      throw new ArgumentError(`A ${what}'s handler is given as [name, handler], not ${describe(item)}.`);
    return pair(what, item);
  });
}

/** Names, or pairs. */
function readItems(what: string, items: Iterable<unknown>): Wanted {
  const list = [...items];
  if (!list.some(Array.isArray)) return { keys: readNames(what, list), handlers: null };
  return withHandlers(list.map((item) => (Array.isArray(item) ? pair(what, item) : [keyOf(what, item), null])));
}

/** Of a key that comes twice the last handler holds. */
export function withHandlers(pairs: readonly (readonly [string, AnyHandler | null])[]): Wanted {
  const handlers = new Map(pairs);
  return { keys: [...handlers.keys()], handlers };
}

function readRecord(what: string, record: unknown): [string, AnyHandler | null][] {
  if (!isPlain(record)) {
    throw new ArgumentError(
      `A ${what} is a string or a Uint8Array; handlers are given as an object, a Map or pairs, not ${describe(record)}.${orderOf(record)}`,
    );
  }
  return Object.entries(record).map((entry) => pair(what, entry));
}

function pair(what: string, [name, handler]: readonly unknown[]): [string, AnyHandler | null] {
  const key = keyOf(what, name);
  if (handler !== null && typeof handler !== "function") {
    throw new ArgumentError(
      `The handler of ${what} ${JSON.stringify(String(name))} must be a function, not ${describe(handler)}.`,
    );
  }
  return [key, handler as AnyHandler | null];
}

function request(what: string, wanted: Wanted, options: unknown): Request {
  if (wanted.keys.length === 0) throw new ArgumentError(`Subscribe takes at least one ${what}; the list is empty.`);
  checkOptions("subscribe", options, { timeout: milliseconds, signal });
  return { ...wanted, options: (options as SubscribeOptions | undefined) ?? {} };
}

function keyOf(what: string, name: unknown): string {
  if (!isName(name))
    throw new ArgumentError(`A ${what} is a string or a Uint8Array, not ${describe(name)}.${orderOf(name)}`);
  if (name.length > LONGEST_NAME) throw new ArgumentError(`A ${what} may have at most 128 MiB.`);
  try {
    return latin1(name);
  } catch (cause) {
    throw new ArgumentError(`The bytes of a ${what} were transferred away.`, { cause });
  }
}

/** What is wrong with the order of the arguments, where a name is missing for that. */
function orderOf(value: unknown): string {
  if (typeof value === "function") return " Names come first, then the handler, then options.";
  return isPlain(value) ? " Options come last: subscribe(names, options), with several names as an array." : "";
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || isIterable(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function atMost(count: number, args: readonly unknown[]): void {
  if (args.length > count) throw new ArgumentError("Subscribe takes names, or names with one handler and options.");
}
