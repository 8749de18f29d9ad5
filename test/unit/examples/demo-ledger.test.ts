import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Ledger } from "../../../examples/demo/ledger.ts";

describe("the ledger of the demo", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 10_000 });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** Five messages, each published 100 ms after the one before it and answered 1 ms later; the third is missing. */
  const lostWith = (from: number, to: number) => {
    const ledger = new Ledger();
    const publish = (receivers = 1) => {
      const sequence = ledger.publish();
      vi.advanceTimersByTime(1);
      ledger.answered(sequence, receivers);
      vi.advanceTimersByTime(99);
      return sequence;
    };
    for (let count = 0; count < 2; count++) ledger.receive(publish());
    publish();
    ledger.gap({
      type: "gap",
      cause: "disconnected",
      channels: [],
      patterns: [],
      from,
      to,
      dropped: null,
      certain: false,
    });
    for (let count = 0; count < 2; count++) ledger.receive(publish());
    return ledger.sums().lost;
  };

  // Published at 10,200, answered at 10,201.
  test.each([
    ["holds it", 10_150, 10_250, 0],
    ["is as near as two clocks can tell", 10_206, 10_250, 0],
    ["begins after it was answered", 10_207, 10_250, 1],
    ["ends before it was published", 10_100, 10_194, 1],
  ])("a missing message is told of when the window %s", (_what, from, to, lost) => {
    expect(lostWith(from, to)).toBe(lost);
  });
});
