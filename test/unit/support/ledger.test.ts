import { describe, expect, test } from "vitest";
import { Ledger } from "../../support/ledger.ts";
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

const gap = (channels: string[], patterns: string[] = [], from = 0, to = 0) => ({ channels, patterns, from, to });

describe("a ledger", () => {
  test("finds nothing wrong with a perfect delivery", () => {
    const ledger = new Ledger();
    receive(ledger, "a", [1, 2, 3]);
    receive(ledger, "b", [1, 2]);
    receive(ledger, "b", [1, 2], "b*");
    const report = ledger.verify([...published("a", 3), ...published("b", 2)]);
    expect(report).toEqual({ duplicates: [], reordered: [], foreign: [], holes: [] });
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
    expect(holes.map(({ first, last, reported }) => [first, last, reported])).toEqual([
      [1, 2, false],
      [5, 7, false],
      [9, 10, false],
    ]);
    expect(() => ledger.verify(published("a", 10))).toThrow("5 to 7 lost in silence on a of r");
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
    expect(holes.map(({ channel, pattern, reported }) => [channel, pattern, reported])).toEqual([
      ["a", null, false],
      ["b", null, true],
      ["b", "b*", true],
    ]);
  });

  test("judges by time when asked", () => {
    const ledger = new Ledger();
    ledger.recordGap(gap(["a"], [], 1_020, 1_040));
    receive(ledger, "a", [1, 2, 6]);
    const holes = (slack: number) => ledger.report(published("a", 6), { by: "time", slack }).holes;
    // 3, 4 and 5 were sent at 1,020, 1,030 and 1,040.
    expect(holes(0)).toMatchObject([{ first: 3, last: 5, reported: true }]);
    const late = new Ledger();
    late.recordGap(gap(["a"], [], 1_030, 1_040));
    receive(late, "a", [1, 2, 6]);
    expect(late.report(published("a", 6), { by: "time", slack: 0 }).holes).toMatchObject([{ reported: false }]);
    expect(late.report(published("a", 6), { by: "time" }).holes).toMatchObject([{ reported: true }]);
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
    ledger.recordGap({ channels: [Buffer.from("é")], patterns: [], from: 0, to: 0 });
    expect(ledger.verify(published("é", 2)).holes).toMatchObject([{ first: 2, reported: true }]);
  });

  test("stamps survive colons and padding", () => {
    const stamp = { run: "r", channel: "a:b|x:1", sequence: 12 };
    expect(readStamp(stampPayload(stamp))).toEqual(stamp);
    expect(readStamp(stampPayload(stamp, 100))).toEqual(stamp);
    expect(readStamp("r:a:0")).toBeUndefined();
    expect(readStamp("nonsense")).toBeUndefined();
  });
});
