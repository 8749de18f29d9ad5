import { describe, isIterable } from "../core/checks.ts";
import { ArgumentError } from "../errors.ts";
import { readNames } from "../pubsub/consumer/arguments.ts";
import type { AnyPubSubOptions } from "../pubsub/consumer/options.ts";

/** Options of a client's `subscribe` and its like: a consumer's, but for the names, which come first. */
export type SharedConsumerOptions<Options> = Omit<
  Options,
  "channels" | "patterns" | "channelHandlers" | "patternHandlers"
>;

const named = ["channels", "patterns", "channelHandlers", "patternHandlers"] as const;

/**
 * Reads `(names, handler?, options?)` and `(names, options?)` as the options of a consumer that shares the client's
 * connection and leaves confirmations out. `what` is "channel" or "pattern".
 */
export function readSharedArguments(what: "channel" | "pattern", args: readonly unknown[]): AnyPubSubOptions {
  const [names, second, third] = args;
  const takesHandler = typeof second === "function" || second === undefined;
  const options = (takesHandler ? third : second) ?? {};
  const count = takesHandler ? 3 : 2;
  if (args.length > count || typeof options !== "object") {
    const given = args.find((arg, index) => index >= count || (index > 0 && typeof arg === "string")) ?? options;
    throw new ArgumentError(
      `Subscribe takes names, then a handler, then options, not ${describe(given)}. Give several names as an array.`,
    );
  }
  for (const name of named) {
    if (name in options) throw new ArgumentError(`"${name}" is no option here: names come first, then the handler.`);
  }
  // A list that can be read once is read once.
  const list = isIterable(names) ? [...names] : [names];
  if (readNames(what, list).length === 0) {
    throw new ArgumentError(`Subscribe takes at least one ${what}; the list is empty.`);
  }
  const wanted =
    typeof second === "function"
      ? { [`${what}Handlers`]: list.map((name) => [name, second] as const) }
      : { [`${what}s`]: list };
  return { shared: true, ignoreSubscribeMessages: true, ...options, ...wanted };
}
