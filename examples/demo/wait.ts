import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds; a busy machine takes its time. */
const PATIENCE = 30_000;

/** Waits until the condition holds. Gives `false` if it does not in that many milliseconds. */
export async function within(milliseconds: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

/** The same, where nothing can go on without it. */
export async function need(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await within(PATIENCE, condition))) throw new Error(`Not within ${PATIENCE / 1000} s: ${what}.`);
}
