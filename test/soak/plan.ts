import { sequence } from "../support/random.ts";

/** What is done at a step: the name of a fault, and numbers for whatever it has to choose. */
interface Step {
  readonly fault: string;
  readonly random: (below: number) => number;
}

/** An episode: consumers open, suffer the steps one after the other, and are judged. */
export interface Episode {
  readonly number: number;
  readonly seed: number;
  readonly steps: readonly Step[];
}

/** The episodes of a seed, without end: the same ones in the same order each time, whatever the clock says. */
export function* episodes(seed: number, faults: readonly string[], length: number): Generator<Episode> {
  const random = sequence(seed);
  for (let number = 1; ; number++) {
    const steps = Array.from({ length }, (): Step => {
      const fault = faults[random(faults.length)] as string;
      return { fault, random: sequence(random(2 ** 30)) };
    });
    yield { number, seed: random(2 ** 30), steps };
  }
}
