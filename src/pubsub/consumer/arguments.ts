import { type Check, checkOptions, describe, isIterable, milliseconds, numeric, signal } from "../../core/checks.ts";
import { ArgumentError } from "../../errors.ts";
import { isName, latin1 } from "../../names.ts";
import type { AnyHandler } from "../delivery/handler.ts";
import type { SubscribeOptions } from "../model/types.ts";

/** What a `subscribe` asks for. */
export interface Request {
  /** A key that comes twice has the same handler both times. */
  readonly keys: readonly string[];
  /** Beside each key its handler. */
  readonly handlers: readonly (AnyHandler | null)[];
  readonly options: SubscribeOptions;
}

/** Options of `drain`. */
export const drainOptions: Readonly<Record<string, Check>> = {
  timeout: numeric("a number of milliseconds from 0, below 2^31", (value) => value >= 0 && value < 2 ** 31),
};

/** Longer than any real name, and so short that a command with one, in UTF-8, is a text still. */
const LONGEST_NAME = 128 * 1024 * 1024;

type Wanted = Pick<Request, "keys" | "handlers">;

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
      oneHandler(readNames(what, first), second === undefined ? null : (second as AnyHandler)),
      third,
    );
  }
  if (args.length === 2 && isName(first) && isPlain(second)) {
    return request(what, oneHandler([keyOf(what, first)], null), second);
  }
  if (isName(first)) return request(what, oneHandler(readNames(what, args), null), undefined);
  atMost(2, args);
  return request(what, isIterable(first) ? readItems(what, first) : distinct(readRecord(what, first)), second);
}

/** Reads the forms of `unsubscribe`: `()` is all (`null`), `(...names)`, `(names)`. */
export function readUnsubscribe(what: string, args: readonly unknown[]): ReadonlySet<string> | null {
  const [first] = args;
  if (args.length === 0) return null;
  if (args.length === 1 && isIterable(first)) return new Set(Array.from(first, (name) => keyOf(what, name)));
  return new Set(args.map((name) => keyOf(what, name)));
}

/** A name, or an iterable of names. */
export function readNames(what: string, names: unknown): string[] {
  return isIterable(names) ? Array.from(names, (name) => keyOf(what, name)) : [keyOf(what, names)];
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
  const keys: string[] = [];
  const handlers: (AnyHandler | null)[] = [];
  for (const item of items) {
    const [key, handler] = Array.isArray(item) ? pair(what, item) : [keyOf(what, item), null];
    keys.push(key);
    handlers.push(handler);
  }
  const handled = handlers.some((handler) => handler !== null);
  return handled ? distinct(keys.map((key, i) => [key, handlers[i] ?? null])) : { keys, handlers };
}

function oneHandler(keys: readonly string[], handler: AnyHandler | null): Wanted {
  return { keys, handlers: new Array<AnyHandler | null>(keys.length).fill(handler) };
}

/** Of a key that comes twice the last handler holds. */
function distinct(pairs: readonly (readonly [string, AnyHandler | null])[]): Wanted {
  const byKey = new Map(pairs);
  return { keys: [...byKey.keys()], handlers: [...byKey.values()] };
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
