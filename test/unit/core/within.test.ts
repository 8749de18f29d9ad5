import { describe, expect, test, vi } from "vitest";
import { after as timer, within } from "../../../src/core/within.ts";
import { stopClock } from "../../support/fake-clock.ts";

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

describe("a deadline", () => {
  test("comes after its milliseconds, not before", async () => {
    using _ = stopClock();
    let given: unknown = null;
    void within(1000, never, () => "late").then((value) => {
      given = value;
    });
    await vi.advanceTimersByTimeAsync(999);
    await turns();
    expect(given).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    await turns();
    expect(given).toBe("late");
  });

  test("leaves no timer once the promise is settled", async () => {
    using _ = stopClock();
    await within(1000, Promise.resolve(1), () => 2);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a timer", () => {
  test("of Infinity never comes", () => {
    expect(timer(Number.POSITIVE_INFINITY, () => {})).toBe(undefined);
  });

  test("of milliseconds comes after them, unless it is cleared", async () => {
    using _ = stopClock();
    const calls: string[] = [];
    timer(1000, () => calls.push("one"));
    clearTimeout(timer(1000, () => calls.push("cleared")));
    await vi.advanceTimersByTimeAsync(999);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toEqual(["one"]);
  });
});

/** Lets what waits for the next turns of the event loop go on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
