let wall = 0;
let monotonic = 0;

/** `Date.now()`, asked for once however often this is called before other code runs: it costs as much as a message. */
export function currentTime(): number {
  if (wall === 0) note();
  return wall;
}

/** `performance.now()`, in the same way. */
export function currentMonotonic(): number {
  if (wall === 0) note();
  return monotonic;
}

function note(): void {
  wall = Date.now();
  monotonic = performance.now();
  queueMicrotask(forget);
}

function forget(): void {
  wall = 0;
}
