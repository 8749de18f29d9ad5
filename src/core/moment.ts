/**
 * A point in time on both clocks. The wall clock may be set back or forth; the monotonic clock may stand still while the
 * machine sleeps. Together they bound how much time has passed.
 */
export interface Moment {
  /** `Date.now()`: epoch milliseconds. */
  readonly wall: number;
  /** `performance.now()`: milliseconds. */
  readonly monotonic: number;
}

/** Before all others. */
export const BEGINNING: Moment = Object.freeze({ wall: 0, monotonic: Number.NEGATIVE_INFINITY });

/** Now. */
export function takeMoment(): Moment {
  return { wall: Date.now(), monotonic: performance.now() };
}

let current: Moment | null = null;

/** The same moment for all code that runs in one go: reading the clocks costs as much as a message. */
export function currentMoment(): Moment {
  if (current === null) {
    current = takeMoment();
    queueMicrotask(forget);
  }
  return current;
}

function forget(): void {
  current = null;
}

export function earlier(one: Moment, other: Moment): Moment {
  return other.monotonic < one.monotonic ? other : one;
}

export function later(one: Moment, other: Moment): Moment {
  return other.monotonic > one.monotonic ? other : one;
}

/**
 * The time between two moments in epoch milliseconds of the wall clock at its end. Of the two clocks the one counts on
 * which more time has passed, so that a clock that was set back or stood still never cuts the window.
 */
export function windowBetween(start: Moment, end: Moment): { readonly from: number; readonly to: number } {
  const elapsed = Math.max(0, end.wall - start.wall, end.monotonic - start.monotonic);
  return { from: end.wall - Math.ceil(elapsed), to: end.wall };
}
