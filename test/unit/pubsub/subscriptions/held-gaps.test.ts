import { describe, expect, test } from "vitest";
import type { Moment } from "../../../../src/core/moment.ts";
import { discard, Entry } from "../../../../src/pubsub/subscriptions/entry.ts";
import { HeldGaps } from "../../../../src/pubsub/subscriptions/held-gaps.ts";

const at = (time: number): Moment => ({ wall: time, monotonic: time });
const entryOf = (name: string): Entry => new Entry("shard", name, name, discard);

/** What is told, in its order. */
function released(held: HeldGaps): unknown[] {
  const told: unknown[] = [];
  held.release({
    missed: ({ cause, since, entries }) => told.push([cause, since.wall, entries.map(({ key }) => key).join()]),
    confirmed: (verb, { key }, count) => told.push([verb, key, count]),
  });
  return told;
}

describe("gaps that are held back", () => {
  test("are one for each loss, and come before the confirmations of their names", () => {
    const held = new HeldGaps();
    const loss = at(10);
    const [a, b, c] = [entryOf("a"), entryOf("b"), entryOf("c")];
    held.add({ cause: "disconnected", since: loss, entries: [a] });
    held.hold({ verb: "SSUBSCRIBE", entry: a, count: 1 });
    held.add({ cause: "disconnected", since: loss, entries: [b] });
    held.hold({ verb: "SSUBSCRIBE", entry: b, count: 2 });
    held.add({ cause: "disconnected", since: at(20), entries: [c] });
    expect(released(held)).toEqual([
      ["disconnected", 10, "a,b"],
      ["disconnected", 20, "c"],
      ["SSUBSCRIBE", "a", 1],
      ["SSUBSCRIBE", "b", 2],
    ]);
  });

  test("of what an audit finds are one, since the earliest", () => {
    const held = new HeldGaps();
    held.add({ cause: "stale", since: at(20), entries: [entryOf("a")] });
    held.add({ cause: "stale", since: at(10), entries: [entryOf("b")] });
    expect(released(held)).toEqual([["stale", 10, "a,b"]]);
  });

  test("have at most 1,000 names, but for those of one command", () => {
    const held = new HeldGaps();
    expect(held.fits(5000)).toBe(true);
    held.add({ cause: "moved", since: at(0), entries: Array.from({ length: 999 }, (_, i) => entryOf(String(i))) });
    expect([held.fits(1), held.fits(2)]).toEqual([true, false]);
  });
});
