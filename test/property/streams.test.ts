import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Case, checkDecoder, fails, SMALL, shrink } from "../fuzz/decoder.ts";
import { Inputs } from "../fuzz/inputs.ts";
import type { Verdict } from "../fuzz/reference.ts";
import { fuzzTimeout } from "./fuzz.ts";

const minutes = Number(process.env.TIDINGS_FUZZ_MINUTES ?? 0);
const seed = Number(process.env.TIDINGS_FUZZ_SEED ?? 1);
const RUNS = 30_000;
/** Streams between two turns of the event loop, which the test runner needs. */
const SLICE = 1000;

function draw(inputs: Inputs): Case {
  const { random } = inputs;
  const options = { arrays: random(3) === 0, wantsText: random(2) === 0, limits: random(2) === 0 ? SMALL : {} };
  return { stream: inputs.next(), options, cuts: inputs.cuts() };
}

function check(given: Case): Verdict {
  try {
    return checkDecoder(given);
  } catch (error) {
    const { stream, options, cuts } = fails(given) ? shrink(given) : given;
    const shown = { stream: stream.toString("latin1"), base64: stream.toString("base64"), options, cuts };
    throw new Error(`This stream fails: ${JSON.stringify(shown)}`, { cause: error });
  }
}

test("spoiled streams are read as the reference reads them, or refused where it refuses them, cut and paused anywhere", {
  timeout: fuzzTimeout,
}, async () => {
  const inputs = new Inputs(seed);
  const verdicts: Record<Verdict, number> = { whole: 0, unfinished: 0, refused: 0 };
  const start = performance.now();
  let count = 0;
  while (minutes > 0 ? performance.now() - start < minutes * 60_000 : count < RUNS) {
    for (let left = SLICE; left > 0; left--) verdicts[check(draw(inputs))]++;
    count += SLICE;
    await turn();
  }
  // A fuzzer all of whose streams are refused at once tests nothing.
  for (const times of Object.values(verdicts)) expect(times).toBeGreaterThan(count / 20);
  if (minutes > 0) {
    const rate = Math.round(count / (minutes * 60));
    console.log(`spoiled streams: ${count} inputs, ${rate} a second: ${JSON.stringify(verdicts)}`);
  }
});
