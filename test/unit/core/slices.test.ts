import { expect, test } from "vitest";
import { inSlices } from "../../../src/core/slices.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function* work(steps: readonly number[], done: number[]): Generator<number, void> {
  for (const [index, weight] of steps.entries()) {
    done.push(index);
    yield weight;
  }
}

test("what fits a slice is done when it returns", () => {
  const done: number[] = [];
  inSlices(work([1, 1, 1], done), 4);
  expect(done).toEqual([0, 1, 2]);
});

test("more goes on in later turns, a slice in each, by the weight of the steps", async () => {
  const done: number[] = [];
  inSlices(work([2, 2, 5, 1, 1, 1, 1], done), 4);
  expect(done).toEqual([0, 1]);
  await turn();
  expect(done).toEqual([0, 1, 2]);
  await turn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
