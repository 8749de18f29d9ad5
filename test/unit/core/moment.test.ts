import { describe, expect, test } from "vitest";
import { currentMoment, earlier, later, type Moment, windowBetween } from "../../../src/core/moment.ts";

const at = (wall: number, monotonic: number): Moment => ({ wall, monotonic });
const HOUR = 3_600_000;

describe("the window between two moments", () => {
  test.each([
    ["both clocks agree", at(1000, 50), at(1300, 350), [1000, 1300]],
    ["the wall clock was set back", at(HOUR, 50), at(250, 350), [-50, 250]],
    ["the wall clock was set forth", at(1000, 50), at(1000 + HOUR, 350), [1000, 1000 + HOUR]],
    ["the machine slept, and the monotonic clock with it", at(1000, 50), at(1000 + HOUR, 60), [1000, 1000 + HOUR]],
    ["a fraction of a millisecond is never cut off", at(1000, 50), at(1001, 51.2), [999, 1001]],
    ["the moments come in the wrong order", at(1300, 350), at(1000, 50), [1000, 1000]],
  ])("holds all of the time that passed where %s", (_, start, end, [from, to]) => {
    expect(windowBetween(start, end)).toEqual({ from, to });
  });
});

test("moments are compared by the clock that never goes back", () => {
  const [first, second] = [at(HOUR, 1), at(0, 2)];
  expect([earlier(first, second), earlier(second, first)]).toEqual([first, first]);
  expect([later(first, second), later(second, first)]).toEqual([second, second]);
});

test("code that runs in one go has one moment, the next one has its own", async () => {
  const first = currentMoment();
  expect(currentMoment()).toBe(first);
  await Promise.resolve();
  expect(currentMoment()).not.toBe(first);
});
