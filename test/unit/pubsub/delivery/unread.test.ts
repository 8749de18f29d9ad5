import { describe, expect, test } from "vitest";
import type { Moment } from "../../../../src/core/moment.ts";
import { Dropped } from "../../../../src/pubsub/delivery/dropped.ts";
import { Unread } from "../../../../src/pubsub/delivery/unread.ts";
import type { PublishedMessage } from "../../../../src/pubsub/model/message.ts";

const at = (time: number): Moment => ({ wall: time, monotonic: time });
const message = (data: number): PublishedMessage<unknown, unknown> => ({
  type: "message",
  pattern: null,
  channel: "a",
  data,
});

/** Since when each message may have been sent, oldest first. */
function windows(unread: Unread): number[] {
  const since: number[] = [];
  while (unread.size > 0) {
    since.push(unread.oldestWindow().since.wall);
    unread.shift();
  }
  return since;
}

describe("messages that wait", () => {
  test("leave in the order of their arrival, numbered in it", () => {
    const unread = new Unread();
    for (const data of [1, 2, 3]) unread.push(message(data), data, at(0));
    expect([unread.size, unread.first, unread.next, unread.oldestSize]).toEqual([3, 0, 3, 1]);
    expect([unread.shift(), unread.shift()]).toEqual([message(1), message(2)]);
    expect([unread.size, unread.first, unread.next, unread.oldestSize]).toEqual([1, 2, 3, 3]);
    unread.clear();
    expect([unread.shift(), unread.size, unread.first, unread.next]).toEqual([undefined, 0, 3, 3]);
  });

  test("know since when they may have been sent, each by the proof that was in force", () => {
    const unread = new Unread();
    for (const time of [10, 10, 20, 20, 30]) unread.push(message(time), 1, at(time));
    expect(windows(unread)).toEqual([10, 10, 20, 20, 30]);
  });

  test("of several links: never later than the link's own proof, however they mix", () => {
    const unread = new Unread();
    const [slow, fast] = [at(5), [at(50), at(60)]] as const;
    const proofs = [fast[0], slow, fast[0], slow, fast[1], slow, fast[1]];
    for (const proof of proofs) unread.push(message(0), 1, proof);
    for (const [index, since] of windows(unread).entries()) expect(since).toBeLessThanOrEqual(proofs[index]?.wall ?? 0);
  });

  test("that are dropped make one window, from the oldest's proof until the newest was read", () => {
    const unread = new Unread();
    unread.push(message(1), 1, at(10));
    unread.push(message(2), 1, at(20));
    const tally = { dropped: 0 };
    const dropped = new Dropped(tally);
    expect([unread.dropOldest(dropped), unread.dropOldest(dropped), unread.dropOldest(dropped)]).toEqual([
      true,
      true,
      false,
    ]);
    const gap = dropped.gap("overflow");
    expect([gap.dropped, tally.dropped, gap.channels, gap.certain]).toEqual([2, 2, ["a"], true]);
    // By the clock of its end, which is now.
    expect(gap.to - gap.from).toBeGreaterThanOrEqual(performance.now() - 10 - 1000);
  });
});
