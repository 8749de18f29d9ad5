import { ArgumentError } from "../errors.ts";
import { between, checkOptions, nonNegative, oneOf } from "./checks.ts";

/**
 * Says how long to wait before a new attempt: milliseconds, or `null` to give up. `attempt` is 1 for the first one
 * after a link was lost; it starts anew once a link has lived for 5 s, so that a link that comes and goes backs off too.
 * `cause` is why the last attempt or link ended. Whatever the policy says, attempt 1 after a live link waits no more than
 * 100 ms.
 */
export type RetryPolicy = (attempt: number, cause: unknown) => number | null;

/** Waits of `base * 2^(attempt - 1)` ms, at most `max`; with full jitter a random time between 0 and that. The default. */
export function exponentialBackoff(
  options: {
    /** Milliseconds before the first attempt (its upper bound with jitter). Default 100. */
    base?: number | undefined;
    /** The longest wait in milliseconds. Default 16,000. */
    max?: number | undefined;
    /** `"full"` spreads clients that lost the same server; `"none"` waits exactly. Default `"full"`. */
    jitter?: "full" | "none" | undefined;
    /** Attempts before giving up. Default Infinity. */
    attempts?: number | undefined;
  } = {},
): RetryPolicy {
  checkOptions("exponentialBackoff", options, {
    base: nonNegative,
    max: nonNegative,
    jitter: oneOf("full", "none"),
    attempts: between(0, Number.POSITIVE_INFINITY),
  });
  const { base = 100, max = 16_000, jitter = "full", attempts = Number.POSITIVE_INFINITY } = options;
  return (attempt) => {
    if (attempt > attempts) return null;
    const longest = Math.min(max, base * 2 ** Math.min(attempt - 1, LARGEST_EXPONENT));
    return jitter === "full" ? Math.random() * longest : longest;
  };
}

/** The same wait before each attempt. */
export function constantDelay(
  options: {
    /** Milliseconds. Default 1000. */
    delay?: number | undefined;
    /** Attempts before giving up. Default Infinity. */
    attempts?: number | undefined;
  } = {},
): RetryPolicy {
  checkOptions("constantDelay", options, { delay: nonNegative, attempts: between(0, Number.POSITIVE_INFINITY) });
  const { delay = 1000, attempts = Number.POSITIVE_INFINITY } = options;
  return (attempt) => (attempt > attempts ? null : delay);
}

/** Gives up at once: the first lost link is a failure. */
export function noRetry(): RetryPolicy {
  return () => null;
}

/** Beyond it 2 to its power is Infinity, and 0 times that no number. */
const LARGEST_EXPONENT = 1023;

/** What Node's timers can count; a longer wait would be none. */
const LONGEST = 2 ** 31 - 1;

/** A policy is the user's; what is no wait must not become none. */
export function checkWait(wait: number | null): number | null {
  if (wait === null) return null;
  if (typeof wait === "number" && wait >= 0) return Math.min(wait, LONGEST);
  throw new ArgumentError("A retry policy answers with milliseconds of 0 or more, or with null to give up.");
}
