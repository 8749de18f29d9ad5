import { expect, test } from "vitest";
import { Backlog, type BacklogLimits } from "../../../../src/pubsub/delivery/backlog.ts";

/** A backlog, and what its owner is told. */
function noted(limits: Partial<BacklogLimits>): { backlog: Backlog; told: string[] } {
  const told: string[] = [];
  const owner = { full: () => void told.push("full"), room: () => void told.push("room") };
  return { backlog: new Backlog({ limit: 4, limitBytes: 100, overflow: "pause", ...limits }, owner), told };
}

test("with `pause` it is full at its limit, has room at half of it, and admits all the while", () => {
  const { backlog, told } = noted({});
  for (let i = 0; i < 3; i++) backlog.add(1);
  expect([told, backlog.admits(1000)]).toEqual([[], true]);
  backlog.add(1);
  expect([told, backlog.admits(1000), backlog.heavy]).toEqual([["full"], true, false]);
  backlog.remove(1);
  expect(told).toEqual(["full"]);
  backlog.remove(1);
  expect(told).toEqual(["full", "room"]);
  backlog.remove(1);
  expect([told, backlog.count, backlog.bytes]).toEqual([["full", "room"], 1, 1]);
});

test("is full by bytes as well, and has room when both are down to half", () => {
  const { backlog, told } = noted({});
  backlog.add(60);
  backlog.add(40);
  expect([told, backlog.heavy]).toEqual([["full"], true]);
  backlog.remove(40);
  expect([told, backlog.heavy]).toEqual([["full"], false]);
  backlog.remove(60);
  expect(told).toEqual(["full", "room"]);
});

test("a limit of one has room when it is empty", () => {
  const { backlog, told } = noted({ limit: 1 });
  backlog.add(0);
  backlog.remove(0);
  backlog.add(0);
  expect(told).toEqual(["full", "room", "full"]);
});

test.each(["drop-oldest", "drop-newest", "error"] as const)(
  "with %s it admits what fits and tells nobody",
  (overflow) => {
    const { backlog, told } = noted({ overflow });
    expect([backlog.admits(100), backlog.admits(101)]).toEqual([true, false]);
    backlog.add(60);
    expect([backlog.admits(40), backlog.admits(41)]).toEqual([true, false]);
    for (let i = 0; i < 3; i++) backlog.add(0);
    expect(backlog.admits(0)).toBe(false);
    backlog.remove(60);
    expect([backlog.admits(100), backlog.overflow]).toEqual([true, overflow]);
    expect(told).toEqual([]);
  },
);

test("holds nothing once it is cleared", () => {
  const { backlog } = noted({ overflow: "drop-newest" });
  backlog.add(100);
  backlog.clear();
  expect([backlog.count, backlog.bytes, backlog.heavy, backlog.admits(100)]).toEqual([0, 0, false, true]);
});
