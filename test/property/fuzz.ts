import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import "../support/seeded.ts";
import { sequence } from "../support/random.ts";

// `npm run fuzz -- --seed N --minutes M` says how long, and with what; the tests take a fixed number of inputs.
const minutes = Number(process.env.TIDINGS_FUZZ_MINUTES ?? 0);
const seed = Number(process.env.TIDINGS_FUZZ_SEED ?? 1);
/** Inputs between two turns of the event loop, which the test runner needs. */
const SLICE = 1000;
/** Milliseconds. */
const SHRINKING = 40_000;

/** How long a test may take, in milliseconds. */
export const fuzzTimeout: number = minutes > 0 ? minutes * 60_000 + 60_000 : 60_000;

type Check<Input> = (input: Input) => void | Promise<void>;

/**
 * Checks inputs until one fails, which is then made as small as it gets: so many of them, or in a fuzzing run as many as
 * there is time for. Inputs follow the grammar of what is tested and are then spoiled; a guide by coverage was left out,
 * for nearly all the lines of the decoder are reached by the first thousand.
 */
export async function fuzz<Input>(
  what: string,
  inputs: fc.Arbitrary<Input>,
  check: Check<Input>,
  { runs, slice = SLICE }: { readonly runs: number; readonly slice?: number },
): Promise<void> {
  const property = fc.asyncProperty(inputs, async (input) => {
    await check(input);
  });
  if (minutes === 0) {
    await fc.assert(property, { numRuns: runs, endOnFailure: true });
    return;
  }
  const random = sequence(seed);
  const end = performance.now() + minutes * 60_000;
  let count = 0;
  while (performance.now() < end) {
    // Making a failure small may take longer than there is time for.
    await fc.assert(property, { numRuns: slice, seed: random(2 ** 30), interruptAfterTimeLimit: SHRINKING });
    count += slice;
    await turn();
  }
  console.log(`${what}: ${count} inputs, ${Math.round(count / (minutes * 60))} a second`);
}
