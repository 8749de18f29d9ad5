import { Watchdog } from "./watchdog.ts";

/**
 * What the promise gives, or what `late` gives (or throws) if that takes longer than so many milliseconds; Infinity waits.
 * It is decided after what has arrived is read, so that a blocked process does not take an answer for a late one.
 */
export async function within<T, L>(milliseconds: number, promise: Promise<T>, late: () => L): Promise<T | L> {
  const due = performance.now() + milliseconds;
  let watchdog: Watchdog | null = null;
  const expired = new Promise<void>((resolve) => {
    watchdog = new Watchdog(() => due, resolve);
    watchdog.arm();
  });
  try {
    return await Promise.race([promise, expired.then(late)]);
  } finally {
    (watchdog as Watchdog | null)?.stop();
  }
}

/** A timer that calls the function after so many milliseconds; `undefined`, and never, for Infinity. */
export function after(milliseconds: number, call: () => void): NodeJS.Timeout | undefined {
  return milliseconds === Number.POSITIVE_INFINITY ? undefined : setTimeout(call, milliseconds);
}
