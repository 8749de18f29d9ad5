import { describe, expect, test } from "vitest";
import { after, within } from "../../../src/core/within.ts";

const never = new Promise<never>(() => {});

describe("a promise against a deadline", () => {
  test("gives its value or its failure while there is time", async () => {
    expect(await within(10_000, Promise.resolve(1), () => 2)).toBe(1);
    await expect(within(10_000, Promise.reject(new Error("no")), () => 2)).rejects.toThrow("no");
    expect(await within(Number.POSITIVE_INFINITY, Promise.resolve(3), () => 2)).toBe(3);
  });

  test("gives what is given instead when it is late, be it an error", async () => {
    expect(await within(5, never, () => 2)).toBe(2);
    const late = (): never => {
      throw new Error("late");
    };
    await expect(within(5, never, late)).rejects.toThrow("late");
  });

  test("is not late when it was settled while the process was blocked", async () => {
    const blocked = within(5, new Promise((resolve) => setImmediate(resolve, "in time")), () => "late");
    const end = performance.now() + 50;
    while (performance.now() < end);
    expect(await blocked).toBe("in time");
  });
});

test("a timer of Infinity never comes", () => {
  expect(after(Number.POSITIVE_INFINITY, () => {})).toBe(undefined);
  clearTimeout(after(10_000, () => {}));
});
