import { types } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { ArgumentError } from "../errors.ts";

/** Throws an {@link ArgumentError} if the value of the option or argument `name` is not of its kind. */
export type Check = (value: unknown, name: string) => void;

/** What is known of the options that are checked. */
interface Known {
  /** Options that must be there. */
  readonly required?: readonly string[];
  /** What to say of options that other libraries have, by name. */
  readonly foreign?: Readonly<Record<string, string>>;
}

/**
 * Refuses options that are not an object, unknown names (with what they are called here, or the nearest known one), values
 * of a wrong kind, and the lack of a required one.
 */
export function checkOptions(
  owner: string,
  options: unknown,
  known: Readonly<Record<string, Check>>,
  { required = [], foreign = {} }: Known = {},
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const timeout = typeof options === "number" && "timeout" in known ? ": { timeout: milliseconds }" : "";
    throw new ArgumentError(`${owner} takes an object of options${timeout}, not ${describe(options)}.`);
  }
  if (isSignal(options))
    throw new ArgumentError(`${owner} takes an object of options: { signal }, not the signal itself.`);
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) {
      const advice = Object.hasOwn(foreign, name) ? ` ${foreign[name]}` : nearest(name, Object.keys(known));
      throw new ArgumentError(`${owner} knows no option "${name}".${advice}`);
    }
    if (value !== undefined) check(value, name);
  }
  for (const name of required) {
    if (Reflect.get(options, name) === undefined) throw new ArgumentError(`${owner} needs the option "${name}".`);
  }
}

/** The known name that is meant, if one is near: a slip of a few letters, another case, or the word within it. */
function nearest(name: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const given = name.toLowerCase();
  const found = closest(
    given,
    names.map((one) => one.toLowerCase()),
  );
  const near = names.find((one) => one.toLowerCase() === found) ?? "";
  const slip = distance(given, found) <= Math.max(2, Math.floor(Math.max(given.length, found.length) / 3));
  return slip ? ` Did you mean "${near}"?` : ` Known are ${names.map((one) => `"${one}"`).join(", ")}.`;
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
export const signal: Check = check("an AbortSignal", isSignal);

function isSignal(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "aborted") === "boolean" &&
    typeof Reflect.get(value, "addEventListener") === "function" &&
    typeof Reflect.get(value, "removeEventListener") === "function"
  );
}

/** A number of milliseconds or items: zero or more, finite. */
export const nonNegative: Check = numeric("a number of 0 or more", (value) => value >= 0 && Number.isFinite(value));

/** A timer's time: above zero and within what Node's timers can count (2^31 - 1 ms). */
export const milliseconds: Check = numeric(
  "a number of milliseconds above 0 and below 2^31",
  (value) => value > 0 && value < 2 ** 31,
);

/** The same, or for ever. */
export const millisecondsOrInfinity: Check = numeric(
  "a number of milliseconds above 0 and below 2^31, or Infinity",
  (value) => value === Number.POSITIVE_INFINITY || (value > 0 && value < 2 ** 31),
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
