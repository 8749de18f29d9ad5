import { describe, expect, test } from "vitest";
import { Ledger, type ReportOptions } from "../../support/ledger.ts";
import { readStamp, stampPayload } from "../../support/stamp.ts";
import type { Published } from "../../support/stamper.ts";

/** `count` messages on a channel, one each 10 ms from 1,000 on, all taken by the server unless `lost` says otherwise. */
function published(channel: string, count: number, lost: readonly number[] = []): Published[] {
  return Array.from({ length: count }, (_, index) => {
    const sequence = index + 1;
    const sentAt = 1_000 + index * 10;
    const acknowledgedAt = lost.includes(sequence) ? null : sentAt + 1;
    return { run: "r", channel, sequence, sentAt, acknowledgedAt, receivers: 1 };
  });
}

function receive(ledger: Ledger, channel: string, sequences: readonly number[], pattern: string | null = null): void {
  for (const sequence of sequences) {
    ledger.record({ channel, pattern, data: stampPayload({ run: "r", channel, sequence }) });
  }
}

/** A gap whose window holds everything, unless told otherwise. */
const gap = (channels: string[], patterns: string[] = [], from = 0, to = 10_000) => ({ channels, patterns, from, to });

describe("a ledger", () => {
  test("finds nothing wrong with a perfect delivery", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1, 2, 3]);
    receive(ledger, "b", [1, 2]);
    receive(ledger, "b", [1, 2], "b*");
    const report = ledger.verify([...published("a", 3), ...published("b", 2)]);
    expect(report).toEqual({ duplicates: [], reordered: [], foreign: [], holes: [], inverted: [] });
    expect(ledger.received).toBe(7);
  });

  test("finds a duplicate", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1, 2, 1, 3]);
    expect(ledger.report(published("a", 3)).duplicates).toMatchObject([{ channel: "a", sequence: 1, after: 2 }]);
    expect(() => ledger.verify(published("a", 3))).toThrow("duplicate 1 on a of r, after 2");
  });

  test("finds a message out of order", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1, 3, 2, 4]);
    expect(ledger.report(published("a", 4)).reordered).toMatchObject([{ sequence: 2, after: 3 }]);
    expect(ledger.report(published("a", 4)).duplicates).toEqual([]);
    expect(() => ledger.verify(published("a", 4))).toThrow("2 after 3 on a of r");
  });

  test("finds holes at the start, in the middle and at the end", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [3, 4, 8]);
    const holes = ledger.report(published("a", 10)).holes;
    expect(holes.map(({ first, last, missing, untold }) => [first, last, missing, untold])).toEqual([
      [1, 2, 2, 2],
      [5, 7, 3, 3],
      [9, 10, 2, 2],
    ]);
    expect(() => ledger.verify(published("a", 10))).toThrow("5 to 7 lost in silence on a of r: no gap in their place");
  });

  test("finds a channel of which nothing came at all, and a pattern that was expected", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1]);
    expect(ledger.report([...published("a", 1), ...published("b", 2)]).holes).toMatchObject([
      { channel: "b", last: 2 },
    ]);
    const routes = [
      { channel: "a", pattern: null },
      { channel: "a", pattern: "*" },
    ];
    expect(ledger.report(published("a", 1), { routes }).holes).toMatchObject([{ channel: "a", pattern: "*" }]);
  });

  test("forgives what the server never took", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1, 4]);
    expect(ledger.verify(published("a", 4, [2, 3])).holes).toEqual([]);
  });

  test("forgives a hole with a gap in its place that names its route, and no other", () => {
    const ledger = new Ledger();
    ledger.recordGap(gap(["a", "b"]));
    receive(ledger, "a", [1, 2]);
    receive(ledger, "b", [1, 2]);
    receive(ledger, "b", [1, 2], "b*");
    ledger.recordGap(gap(["b"], ["b*"]));
    receive(ledger, "a", [5]);
    receive(ledger, "b", [5]);
    receive(ledger, "b", [5], "b*");
    ledger.recordGap(gap(["a"]));
    const holes = ledger.report([...published("a", 5), ...published("b", 5)]).holes;
    expect(holes.map(({ channel, pattern, missing, untold }) => [channel, pattern, missing, untold])).toEqual([
      ["a", null, 2, 2],
      ["b", null, 2, 0],
      ["b", "b*", 2, 0],
    ]);
  });

  describe("by time", () => {
    // 3, 4 and 5 are lost: sent at 1,020, 1,030 and 1,040, and acknowledged 1 ms later.
    const holesWith = (windows: readonly (readonly [number, number])[], options?: ReportOptions) => {
      const ledger = new Ledger();
      receive(ledger, "a", [1, 2]);
      for (const [from, to] of windows) ledger.recordGap(gap(["a"], [], from, to));
      receive(ledger, "a", [6]);
      return ledger.report(published("a", 6), options).holes;
    };

    test.each([
      ["holds the loss exactly", [[1_021, 1_040]], 0, 0],
      ["is as wide as the slack allows", [[1_026, 1_035]], 0, 5],
      ["begins too late, by a millisecond more than the slack", [[1_027, 1_040]], 1, 6],
      ["begins too late for all", [[2_000, 2_010]], 3, 979],
      ["ends too early, by a millisecond more than the slack", [[1_021, 1_034]], 1, 6],
      ["ends too early for all", [[900, 1_010]], 3, 30],
      ["is empty and inside the loss", [[1_030, 1_030]], 2, 10],
    ] as const)("a window that %s", (_what, windows, untold, outside) => {
      expect(holesWith(windows)).toMatchObject([{ first: 3, last: 5, missing: 3, untold, outside }]);
    });

    test("several gaps may share a loss, and each message needs one of them", () => {
      expect(
        holesWith([
          [1_020, 1_021],
          [1_031, 1_040],
        ]),
      ).toMatchObject([{ untold: 0, window: { from: 1_020, to: 1_040 } }]);
      expect(
        holesWith([
          [1_000, 1_010],
          [1_040, 1_050],
        ]),
      ).toMatchObject([{ untold: 2, outside: 10 }]);
    });

    test("a limit that the test names gives more slack, and none forgives a loss without a gap", () => {
      expect(holesWith([[1_200, 1_210]], { limits: ["cluster bus"] })).toMatchObject([{ untold: 0, outside: 179 }]);
      expect(holesWith([[9_000, 9_010]], { limits: ["replica out of touch"] })).toMatchObject([{ untold: 0 }]);
      expect(holesWith([], { limits: ["replica out of touch"] })).toMatchObject([{ untold: 3, window: null }]);
    });

    test("a window that fits is of no use in another place, unless gaps may stand early", () => {
      const ledger = new Ledger();
      ledger.recordGap(gap(["a"], [], 1_000, 1_100));
      receive(ledger, "a", [1, 2, 6]);
      expect(ledger.report(published("a", 6)).holes).toMatchObject([{ untold: 3, window: null }]);
      expect(ledger.report(published("a", 6), { early: true }).holes).toMatchObject([{ untold: 0 }]);
      const late = new Ledger();
      receive(late, "a", [1, 2, 6]);
      late.recordGap(gap(["a"], [], 1_000, 1_100));
      expect(late.report(published("a", 6), { early: true }).holes).toMatchObject([{ untold: 3 }]);
    });

    test("what is wrong with a window is told, and so is one that ends before it begins", () => {
      const ledger = new Ledger();
      receive(ledger, "a", [1, 2]);
      ledger.recordGap(gap(["a"], [], 1_041, 1_051));
      receive(ledger, "a", [6]);
      expect(() => ledger.verify(published("a", 6))).toThrow(
        "3 to 5 lost in silence on a of r: 2 of 3 outside of the window, by up to 20 ms; " +
          "the window is from 21 to 31 ms, the loss from 0 to 21 ms",
      );
      const inverted = new Ledger();
      inverted.recordGap(gap(["a"], [], 1_000, 999));
      expect(() => inverted.verify([])).toThrow("a window of -1 ms");
    });
  });

  test("finds torn payloads and those of another channel", () => {
    const ledger = new Ledger();
    ledger.record({ channel: "a", pattern: null, data: "r:a:" });
    ledger.record({ channel: "b", pattern: null, data: "r:a:1" });
    expect(ledger.report([]).foreign).toHaveLength(2);
  });

  test("knows who is behind", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1]);
    expect(ledger.behind(published("a", 2))).toEqual(["a of r"]);
    receive(ledger, "a", [2]);
    expect(ledger.behind(published("a", 2))).toEqual([]);
  });

  test("takes names and payloads as bytes", () => {
    const ledger = new Ledger();
    const payload = Buffer.from(stampPayload({ run: "r", channel: "é", sequence: 1 }, 10));
    ledger.record({ channel: Buffer.from("é"), pattern: null, data: payload });
    ledger.recordGap({ channels: [Buffer.from("é")], patterns: [], from: 1_000, to: 1_100 });
    expect(ledger.verify(published("é", 2)).holes).toMatchObject([{ first: 2, untold: 0 }]);
  });

  test("stamps survive colons and padding", () => {
    const stamp = { run: "r", channel: "a:b|x:1", sequence: 12 };
    expect(readStamp(stampPayload(stamp))).toEqual(stamp);
    expect(readStamp(stampPayload(stamp, 100))).toEqual(stamp);
    expect(readStamp("r:a:0")).toBeUndefined();
    expect(readStamp("nonsense")).toBeUndefined();
  });
});
