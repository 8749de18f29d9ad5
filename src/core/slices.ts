import { nextTurn } from "./turns.ts";

/**
 * Long work that lets the event loop turn in between. A step yields its weight; steps of `slice` together are one turn. The
 * first slice runs at once, so that little work is done when this returns.
 */
export function inSlices(work: Iterator<number>, slice: number): void {
  for (let done = 0; done < slice; ) {
    const step = work.next();
    if (step.done) return;
    done += step.value;
  }
  nextTurn(() => inSlices(work, slice));
}
