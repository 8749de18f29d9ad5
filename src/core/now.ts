let now = 0;

/** `Date.now()`, asked for once however often this is called before other code runs: it costs as much as a message. */
export function currentTime(): number {
  if (now === 0) {
    now = Date.now();
    queueMicrotask(forget);
  }
  return now;
}

function forget(): void {
  now = 0;
}
