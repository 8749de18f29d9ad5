import { expect, test } from "vitest";
import { episodes } from "../../soak/plan.ts";

const faults = ["a", "b", "c", "d"];

/** The first episodes, with what their steps would draw. */
function drawn(seed: number): unknown[] {
  const all: unknown[] = [];
  for (const { number, seed: own, steps } of episodes(seed, faults, 6)) {
    all.push([number, own, steps.map(({ fault, random }) => [fault, random(1000), random(1000)])]);
    if (number === 5) break;
  }
  return all;
}

test("a seed gives the same episodes again, another seed others", () => {
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
});

test("episodes differ, and every fault comes", () => {
  const seen = new Set<string>();
  for (const { number, steps } of episodes(1, faults, 6)) {
    expect(steps).toHaveLength(6);
    for (const { fault } of steps) seen.add(fault);
    if (number === 20) break;
  }
  expect([...seen].sort()).toEqual(faults);
});
