import { afterEach, describe, expect, test, vi } from "vitest";
import { checkWait, constantDelay, exponentialBackoff, noRetry, type RetryPolicy } from "../../../src/core/backoff.ts";
import { ArgumentError } from "../../../src/errors.ts";

const waits = (policy: RetryPolicy, ...attempts: number[]) => attempts.map((attempt) => policy(attempt, null));

/** Whatever options JavaScript may pass. */
const anyOptions = (options: unknown): never => options as never;

afterEach(() => {
  vi.restoreAllMocks();
});

describe("exponentialBackoff", () => {
  test("doubles from base to max without jitter", () => {
    const policy = exponentialBackoff({ base: 10, max: 100, jitter: "none" });
    expect(waits(policy, 1, 2, 3, 4, 5, 6, 5000)).toEqual([10, 20, 40, 80, 100, 100, 100]);
  });

  test("never waits longer than max, even the first time", () => {
    expect(waits(exponentialBackoff({ base: 50, max: 20, jitter: "none" }), 1, 2)).toEqual([20, 20]);
  });

  test("waits from 100 ms to 16 s, for ever, unless told otherwise", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    expect(waits(exponentialBackoff(), 1, 2, 8, 9, 1_000_000)).toEqual([50, 100, 6400, 8000, 8000]);
    expect(waits(exponentialBackoff({ base: undefined, max: undefined }), 1)).toEqual([50]);
  });

  test("spreads its waits over the whole range with full jitter", () => {
    const policy = exponentialBackoff({ base: 1000 });
    const found = Array.from({ length: 2000 }, () => policy(1, null) ?? Number.NaN);
    expect(found.every((wait) => wait >= 0 && wait < 1000)).toBe(true);
    for (let tenth = 0; tenth < 10; tenth++) {
      expect(found.some((wait) => wait >= tenth * 100 && wait < (tenth + 1) * 100)).toBe(true);
    }
  });

  test("gives up after its attempts", () => {
    const policy = exponentialBackoff({ attempts: 2, jitter: "none" });
    expect(waits(policy, 1, 2, 3, 4)).toEqual([100, 200, null, null]);
    expect(waits(exponentialBackoff({ attempts: 0 }), 1)).toEqual([null]);
  });

  test("waits 0 ms for ever with a base of 0", () => {
    for (const jitter of ["full", "none"] as const) {
      expect(waits(exponentialBackoff({ base: 0, jitter }), 1, 1024, 1025, 100_000)).toEqual([0, 0, 0, 0]);
    }
  });

  test.each([
    { base: -1 },
    { base: Number.NaN },
    { base: Number.POSITIVE_INFINITY },
    { base: "100" },
    { max: -1 },
    { max: null },
    { jitter: "half" },
    { jitter: true },
    { attempts: -1 },
    { attempts: Number.NaN },
    { attempts: "3" },
    { maximum: 3 },
    null,
    [],
    100,
  ])("refuses %o", (options) => {
    expect(() => exponentialBackoff(anyOptions(options))).toThrow(ArgumentError);
  });
});

describe("constantDelay", () => {
  test("waits the same time each time, 1 s unless told otherwise", () => {
    expect(waits(constantDelay({ delay: 7 }), 1, 2, 1000)).toEqual([7, 7, 7]);
    expect(waits(constantDelay(), 1, 2)).toEqual([1000, 1000]);
  });

  test("gives up after its attempts", () => {
    expect(waits(constantDelay({ delay: 0, attempts: 1 }), 1, 2)).toEqual([0, null]);
  });

  test.each([{ delay: -1 }, { delay: Number.POSITIVE_INFINITY }, { attempts: -1 }, { base: 1 }])(
    "refuses %o",
    (options) => {
      expect(() => constantDelay(anyOptions(options))).toThrow(ArgumentError);
    },
  );
});

test("noRetry gives up at once", () => {
  expect(waits(noRetry(), 1, 2)).toEqual([null, null]);
});

describe("what a policy answers", () => {
  test("is a wait of 0 or more, or null to give up", () => {
    expect([0, 1.5, 2 ** 31 - 1, null].map(checkWait)).toEqual([0, 1.5, 2 ** 31 - 1, null]);
  });

  test("is no longer than a timer can be", () => {
    expect([2 ** 31, Number.POSITIVE_INFINITY].map(checkWait)).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
  });

  test.each([-1, Number.NaN, "100", undefined, true, {}])("is refused otherwise: %s", (answer) => {
    expect(() => checkWait(answer as never)).toThrow(/milliseconds of 0 or more, or with null to give up/);
  });
});
