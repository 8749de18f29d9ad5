import { checkOptions, describe, isIterable, milliseconds, signal } from "../core/checks.ts";
import { ArgumentError } from "../errors.ts";
import { isName, latin1 } from "../names.ts";
import type { AnyHandler } from "./handler.ts";
import type { SubscribeOptions } from "./types.ts";

/** What a `subscribe` asks for: keys with their handlers, each key once, the last handler holds. */
export interface Request {
  readonly handlers: ReadonlyMap<string, AnyHandler | null>;
  readonly options: SubscribeOptions;
}

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
    const handler = second === undefined ? null : (second as AnyHandler);
    return request(
      what,
      readNames(what, first).map((key) => [key, handler]),
      third,
    );
  }
  if (args.length === 2 && isName(first) && isPlain(second)) return request(what, [[keyOf(what, first), null]], second);
  if (isName(first)) {
    return request(
      what,
      args.map((name) => [keyOf(what, name), null]),
      undefined,
    );
  }
  atMost(2, args);
  return request(what, isIterable(first) ? readItems(what, first) : readRecord(what, first), second);
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
export function readHandlers(what: string, handlers: unknown): [string, AnyHandler][] {
  if (!isIterable(handlers)) return readRecord(what, handlers);
  return Array.from(handlers, (item) => {
    if (!Array.isArray(item))
      throw new ArgumentError(`A ${what}'s handler is given as [name, handler], not ${describe(item)}.`);
    return pair(what, item);
  });
}

/** Names alone, or pairs alone. */
function readItems(what: string, items: Iterable<unknown>): [string, AnyHandler | null][] {
  return Array.from(items, (item) => (Array.isArray(item) ? pair(what, item) : [keyOf(what, item), null]));
}

function readRecord(what: string, record: unknown): [string, AnyHandler][] {
  if (!isPlain(record)) {
    throw new ArgumentError(
      `A ${what} is a string or a Uint8Array; handlers are given as an object, a Map or pairs, not ${describe(record)}.`,
    );
  }
  return Object.entries(record).map((entry) => pair(what, entry));
}

function pair(what: string, [name, handler]: readonly unknown[]): [string, AnyHandler] {
  const key = keyOf(what, name);
  if (typeof handler !== "function") {
    throw new ArgumentError(
      `The handler of ${what} ${JSON.stringify(String(name))} must be a function, not ${describe(handler)}.`,
    );
  }
  return [key, handler as AnyHandler];
}

function request(what: string, handlers: Iterable<readonly [string, AnyHandler | null]>, options: unknown): Request {
  const byKey = new Map(handlers);
  if (byKey.size === 0) throw new ArgumentError(`Subscribe takes at least one ${what}; the list is empty.`);
  checkOptions("subscribe", options, { timeout: milliseconds, signal });
  return { handlers: byKey, options: (options as SubscribeOptions | undefined) ?? {} };
}

function keyOf(what: string, name: unknown): string {
  if (!isName(name)) throw new ArgumentError(`A ${what} is a string or a Uint8Array, not ${describe(name)}.`);
  return latin1(name);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || isIterable(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function atMost(count: number, args: readonly unknown[]): void {
  if (args.length > count) throw new ArgumentError("Subscribe takes names, or names with one handler and options.");
}
