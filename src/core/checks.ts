import { types } from "node:util";
import { closest } from "fastest-levenshtein";
import { ArgumentError } from "../errors.ts";

/** Throws an {@link ArgumentError} if the value of the option or argument `name` is not of its kind. */
export type Check = (value: unknown, name: string) => void;

/**
 * Refuses options that are not an object, unknown names (with the nearest known one), values of a wrong kind, and the lack
 * of a required one.
 */
export function checkOptions(
  owner: string,
  options: unknown,
  known: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(`${owner} takes an object of options, not ${describe(options)}.`);
  }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) {
      const names = Object.keys(known);
      const nearest = names.length > 0 ? ` Did you mean "${closest(name, names)}"?` : "";
      throw new ArgumentError(`${owner} knows no option "${name}".${nearest}`);
    }
    if (value !== undefined) check(value, name);
  }
  for (const name of required) {
    if (Reflect.get(options, name) === undefined) throw new ArgumentError(`${owner} needs the option "${name}".`);
  }
}

/** A check from a predicate and the words for what it wants. */
export function check(wanted: string, holds: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!holds(value)) throw new ArgumentError(`"${name}" must be ${wanted}, not ${describe(value)}.`);
  };
}

/** The same for numbers, which are shown. */
export function numeric(wanted: string, holds: (value: number) => boolean): Check {
  return (value, name) => {
    if (typeof value === "number" && holds(value)) return;
    const shown = typeof value === "number" ? String(value) : describe(value);
    throw new ArgumentError(`"${name}" must be ${wanted}, not ${shown}.`);
  };
}

export const string: Check = check("a string", (value) => typeof value === "string");
export const boolean: Check = check("true or false", (value) => typeof value === "boolean");
export const callable: Check = check("a function", (value) => typeof value === "function");
/** By its shape: a signal may come from another context, or another implementation. */
export const signal: Check = check(
  "an AbortSignal",
  (value) =>
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "aborted") === "boolean" &&
    typeof Reflect.get(value, "addEventListener") === "function" &&
    typeof Reflect.get(value, "removeEventListener") === "function",
);

/** A number of milliseconds or items: zero or more, finite. */
export const nonNegative: Check = numeric("a number of 0 or more", (value) => value >= 0 && Number.isFinite(value));

/** A timer's time: above zero and within what Node's timers can count (2^31 - 1 ms). */
export const milliseconds: Check = numeric(
  "a number of milliseconds above 0 and below 2^31",
  (value) => value > 0 && value < 2 ** 31,
);

export function between(least: number, most: number): Check {
  return numeric(`a number from ${least} to ${most}`, (value) => value >= least && value <= most);
}

export function integer(least: number, most: number): Check {
  return numeric(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && value >= least && value <= most,
  );
}

export function oneOf(...values: readonly (string | number)[]): Check {
  return check(values.map((value) => JSON.stringify(value)).join(" or "), (value) =>
    values.includes(value as string | number),
  );
}

/** What a wrong value is, without showing it: it may be a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (value === "") return "an empty string";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? `an object (${value.constructor?.name ?? "no class"})` : `a ${typeof value}`;
}

/** Whether something is a list of things; bytes are one thing. */
export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value && !types.isUint8Array(value);
}
