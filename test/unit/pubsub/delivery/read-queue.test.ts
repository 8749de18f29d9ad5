import fc from "fast-check";
import "../../../support/seeded.ts";
import { describe, expect, test } from "vitest";
import { takeMoment } from "../../../../src/core/moment.ts";
import { Backlog, type Overflow } from "../../../../src/pubsub/delivery/backlog.ts";
import { Dropped } from "../../../../src/pubsub/delivery/dropped.ts";
import { type Item, ReadQueue } from "../../../../src/pubsub/delivery/read-queue.ts";
import type { PublishedMessage } from "../../../../src/pubsub/model/message.ts";
import { heapNow } from "../../../support/leaks.ts";

const message = (data: number): PublishedMessage<unknown, unknown> => ({
  type: "message",
  pattern: null,
  channel: "a",
  data,
});
const confirmation: Item = { type: "subscribe", pattern: null, channel: "a", data: 1 };

/** A queue with its limits; dropped messages are counted, and their gaps are read. */
function queueOf(overflow: Overflow, limit: number, limitBytes = 2 ** 30) {
  const tally = { dropped: 0 };
  const gaps: (number | null)[] = [];
  const queue = new ReadQueue(new Backlog({ limit, limitBytes, overflow }, { full() {}, room() {} }), {
    dropping: () => new Dropped(tally),
    dropped: (dropped) => {
      const gap = dropped.gap("overflow");
      gaps.push(gap.dropped);
      return gap;
    },
    overflowed() {},
  });
  return { queue, tally, gaps };
}

const proof = takeMoment();

describe("a queue that drops", () => {
  test.each(["drop-oldest", "drop-newest"] as const)(
    "%s holds no more for a million messages with as many handled ones between than for a few",
    (overflow) => {
      const { queue, tally } = queueOf(overflow, 10);
      const fill = (count: number): number => {
        for (let n = 0; n < count; n++) {
          queue.push(message(n), 1, proof);
          queue.handled();
        }
        return heapNow();
      };
      const before = fill(1000);
      const grown = fill(1_000_000) - before;
      expect(grown).toBeLessThan(1_000_000);
      expect([queue.pending, tally.dropped]).toEqual([10, 1_000_990]);
    },
  );

  test("counts a payload too large for it among the dropped, in one record, whatever handlers take between", () => {
    const { queue, gaps } = queueOf("drop-oldest", 10, 100);
    const before = heapNow();
    for (let n = 0; n < 200_000; n++) {
      queue.push(message(n), 1000, proof);
      queue.handled();
    }
    expect(heapNow() - before).toBeLessThan(1_000_000);
    expect(queue.empty).toBe(false);
    expect([queue.shiftItem()?.type, gaps]).toEqual(["gap", [200_000]]);
    expect([queue.shiftItem(), queue.empty]).toEqual([undefined, true]);
  });
});

type Play = { readonly step: "message" | "handled" | "notice" | "read"; readonly size: number };
const play: fc.Arbitrary<Play> = fc.record({
  step: fc.constantFrom("message", "message", "message", "handled", "notice", "read"),
  size: fc.integer({ min: 1, max: 60 }),
});

/** What a queue must show: every message in its order, once, or counted in a gap that comes before any later one. */
function judge(overflow: Overflow, plays: readonly Play[]): void {
  const { queue, tally } = queueOf(overflow, 5, 100);
  let sent = 0;
  let handled = 0;
  let notices = 0;
  const seen = { messages: [] as number[], nulls: 0, notices: 0, missing: 0 };
  const take = (item: Item | null): void => {
    if (item === null) seen.nulls++;
    else if (item.type === "message") {
      const number = item.data as number;
      const last = seen.messages.at(-1) ?? -1;
      expect(number).toBeGreaterThan(last);
      seen.messages.push(number);
      // What is missing so far has been told.
      expect(number + 1 - seen.messages.length).toBeLessThanOrEqual(seen.missing);
    } else if (item.type === "gap") seen.missing += item.dropped ?? 0;
    else seen.notices++;
  };
  for (const { step, size } of plays) {
    if (step === "message") queue.push(message(sent++), size, proof);
    else if (step === "handled") {
      queue.handled();
      handled++;
    } else if (step === "notice") {
      queue.notice(confirmation, 1);
      notices++;
    } else {
      const item = queue.shift();
      if (item !== undefined) take(item);
    }
    expect(queue.pending).toBeLessThanOrEqual(6);
  }
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) take(item);
  expect(seen.messages.length + seen.missing).toBe(sent);
  expect([seen.missing, seen.nulls, seen.notices]).toEqual([tally.dropped, handled, notices]);
  expect(queue.empty).toBe(true);
}

describe("whatever is played, each message is read in its order or counted in a gap before any later one", () => {
  test.each(["drop-oldest", "drop-newest"] as const)("with %s", (overflow) => {
    fc.assert(
      fc.property(fc.array(play, { maxLength: 120 }), (plays) => judge(overflow, plays)),
      { numRuns: 500 },
    );
  });
});

test("what is given up is counted with what was dropped before and not told", () => {
  const { queue, tally } = queueOf("drop-oldest", 3);
  for (let n = 0; n < 5; n++) queue.push(message(n), 1, proof);
  const left = new Dropped(tally);
  const untold = queue.abandon(left);
  expect([untold.map(({ count }) => count), left.count, queue.empty, queue.pending]).toEqual([[2], 3, true, 0]);
});
