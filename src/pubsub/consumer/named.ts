import type { NamedHandler } from "../delivery/delivery.ts";
import type { AnyHandler } from "../delivery/handler.ts";
import type { Kind } from "../subscriptions/entry.ts";
import { readHandlers, readNames, type Wanted, withHandlers } from "./arguments.ts";
import type { AnyPubSubOptions } from "./options.ts";

/** What the options ask for: names, and names with handlers. A name that is in both has its handler. */
export function initial(what: string, names: AnyPubSubOptions["channels"], handlers: unknown): Wanted[] {
  const pairs = withHandlers(readHandlers(what, handlers ?? []));
  const plain = readNames(what, names ?? []);
  return [{ keys: plain, handlers: pairs.keys.length > 0 ? pairs.handlers : null }, pairs];
}

/** Names with their handlers, one by one; one that comes twice has its handler both times. */
export function* named(kind: Kind, all: readonly Wanted[]): Generator<NamedHandler> {
  for (const { keys, handlers } of all) {
    for (const key of keys) yield [kind, key, handlerOf(key, handlers)];
  }
}

export function* both<T>(first: Iterable<T>, second: Iterable<T>): Generator<T> {
  yield* first;
  yield* second;
}

function handlerOf(key: string, handlers: Wanted["handlers"]): AnyHandler | null {
  return typeof handlers === "object" && handlers !== null ? (handlers.get(key) ?? null) : handlers;
}
