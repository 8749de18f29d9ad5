import { setTimeout as sleep } from "node:timers/promises";

/** How long {@link eventually} keeps trying, and how often, in milliseconds. */
export interface EventuallyOptions {
  /** After this long the last failure is thrown. Default 10,000: a generous limit, never a tight one. */
  readonly timeout?: number | undefined;
  /** The pause between two attempts. Default 10. */
  readonly interval?: number | undefined;
}

/** A promise that did not settle in the time it was given. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Runs `assertion` until it passes and gives back what it returned; at the deadline throws its last failure.
 *
 * The only form of waiting the tests use: a fixed pause is either too short on a busy machine or wasted on a quick one.
 */
export async function eventually<T>(
  assertion: () => T | PromiseLike<T>,
  { timeout = 10_000, interval = 10 }: EventuallyOptions = {},
): Promise<T> {
  const end = performance.now() + timeout;
  let failure: unknown;
  for (;;) {
    try {
      // An attempt that hangs must not outlive the deadline, nor hide the failure seen before it.
      return await deadline(assertion(), Math.max(1, end - performance.now()), "the attempt to pass");
    } catch (error) {
      if (failure === undefined || !(error instanceof DeadlineError)) failure = error;
    }
    if (performance.now() + interval >= end) throw failure;
    await sleep(interval);
  }
}

/** Awaits `promise`, or rejects with a {@link DeadlineError} that names `what` was awaited after `ms` milliseconds. */
export async function deadline<T>(promise: T | PromiseLike<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`waited ${Math.round(ms)} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
