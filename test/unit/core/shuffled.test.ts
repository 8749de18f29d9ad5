import { expect, test } from "vitest";
import { shuffled } from "../../../src/core/shuffled.ts";

test("a shuffled list has the same items, and the list itself stays as it is", () => {
  const items = [1, 2, 3, 4, 5, 6];
  expect(shuffled(items).sort()).toEqual(items);
  expect(items).toEqual([1, 2, 3, 4, 5, 6]);
  expect([shuffled([]), shuffled(["a"])]).toEqual([[], ["a"]]);
});

test("every order comes about equally often", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(["a", "b", "c"]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // 1,000 are expected of each, with a standard deviation of 29.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(300);
});
