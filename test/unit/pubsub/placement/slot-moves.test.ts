import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { HostPort } from "../../../../src/cluster/replies.ts";
import { SlotMoves } from "../../../../src/pubsub/placement/slot-moves.ts";
import { discard, Entry } from "../../../../src/pubsub/subscriptions/entry.ts";

const entryOf = (name: string): Entry => new Entry("shard", name, name, discard);
const [a, b] = [entryOf("a"), entryOf("b")];
const at = (port: number): HostPort => ({ host: "h", port });

/** What was settled: when, which slot, whose entries, and where. */
let settled: [at: number, slot: number, entries: string, port: number | null][];
let homes: boolean;
let slotMoves: SlotMoves;

beforeEach(() => {
  vi.useFakeTimers();
  settled = [];
  homes = true;
  const start = Date.now();
  slotMoves = new SlotMoves((slot, entries, target) => {
    settled.push([Date.now() - start, slot, entries.map(({ key }) => key).join(), target?.port ?? null]);
    return homes;
  });
});
afterEach(() => {
  slotMoves.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("channels that a node sent on", () => {
  test("go at once to the first node that is named, together", async () => {
    slotMoves.redirect(7, a, at(1));
    slotMoves.redirect(7, b, at(1));
    expect([slotMoves.size, slotMoves.idle, settled]).toEqual([2, false, []]);
    await vi.advanceTimersByTimeAsync(0);
    expect(settled).toEqual([[0, 7, "a,b", 1]]);
    expect(slotMoves.size).toBe(0);
  });

  test("wait longer and longer, up to 100 ms, while two nodes point at each other", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      const before = settled.length;
      const since = Date.now();
      slotMoves.redirect(7, a, at(round % 2));
      while (settled.length === before) await vi.advanceTimersByTimeAsync(1);
      waits.push(Date.now() - since);
    }
    for (const [round, wait] of waits.entries()) {
      const longest = round === 0 ? 1 : Math.min(100, 10 * 2 ** (round - 1));
      expect(wait).toBeLessThanOrEqual(longest + 1);
      if (round > 0) expect(wait).toBeGreaterThanOrEqual(Math.floor(longest / 2));
    }
    expect(settled.map(([, , , port]) => port)).toEqual(waits.map((_, round) => round % 2));
  });

  test("wait for a second or less after 30 attempts", async () => {
    for (let round = 0; round < 45; round++) {
      const before = settled.length;
      slotMoves.redirect(7, a, at(1));
      while (settled.length === before) await vi.advanceTimersByTimeAsync(10);
    }
    const times = settled.map(([time]) => time);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.max(...waits.slice(0, 28))).toBeLessThanOrEqual(110);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1010);
    expect(Math.min(...waits.slice(40))).toBeGreaterThanOrEqual(490);
  });

  test("begin anew once the slot is subscribed", async () => {
    for (let round = 0; round < 10; round++) {
      slotMoves.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    slotMoves.arrived(7);
    expect(slotMoves.idle).toBe(true);
    slotMoves.redirect(7, a, at(2));
    const since = settled.length;
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveLength(since + 1);
  });

  test("of one slot do not wait for those of another", async () => {
    for (let round = 0; round < 10; round++) {
      slotMoves.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    slotMoves.redirect(7, a, at(1));
    slotMoves.redirect(8, b, at(1));
    settled = [];
    await vi.advanceTimersByTimeAsync(1);
    expect(settled.map(([, slot]) => slot)).toEqual([8]);
  });

  test("are tried again while nobody serves the slot", async () => {
    homes = false;
    slotMoves.markUnserved(7, a);
    await vi.advanceTimersByTimeAsync(0);
    expect([settled.length, slotMoves.size]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(500);
    expect(settled.length).toBeGreaterThan(3);
    expect(slotMoves.size).toBe(1);
    homes = true;
    await vi.advanceTimersByTimeAsync(100);
    expect([settled.at(-1)?.slice(1), slotMoves.size]).toEqual([[7, "a", null], 0]);
  });
});

describe("channels that nobody serves", () => {
  test("do not make others wait that have been so for less long", async () => {
    homes = false;
    slotMoves.markUnserved(7, a);
    await vi.advanceTimersByTimeAsync(20_000);
    settled = [];
    slotMoves.markUnserved(8, b);
    await vi.advanceTimersByTimeAsync(12);
    expect(settled.filter(([, slot]) => slot === 8)).toHaveLength(1);
  });

  test("are asked for again at once when the first of them is served", async () => {
    homes = false;
    for (let slot = 0; slot < 3; slot++) slotMoves.markUnserved(slot, entryOf(`${slot}`));
    await vi.advanceTimersByTimeAsync(20_000);
    homes = true;
    while (slotMoves.size === 3) await vi.advanceTimersByTimeAsync(1);
    settled = [];
    slotMoves.arrived(7);
    expect(settled).toEqual([]);
    const [first] = [0, 1, 2].filter((slot) => !slotMoves.join(slot, entryOf(`${slot}`)));
    slotMoves.arrived(first as number);
    expect([settled.length, slotMoves.size]).toEqual([2, 0]);
  });

  test("are asked for a few at a time, however many", async () => {
    homes = false;
    for (let slot = 0; slot < 1000; slot++) slotMoves.markUnserved(slot, entryOf(`${slot}`));
    await vi.advanceTimersByTimeAsync(10_000);
    const times = settled.map(([time]) => time).sort((one, other) => one - other);
    let [busiest, end] = [0, 0];
    for (const [start, time] of times.entries()) {
      while (end < times.length && (times[end] as number) < time + 90) end++;
      busiest = Math.max(busiest, end - start);
    }
    expect(busiest).toBeLessThanOrEqual(2 * 64);
    expect(new Set(settled.map(([, slot]) => slot)).size).toBe(1000);
  });

  test("which are sent on after all are asked for there alone", async () => {
    homes = false;
    slotMoves.markUnserved(7, a);
    slotMoves.redirect(7, a, at(1));
    homes = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled.map(([, slot, , port]) => [slot, port])).toEqual([[7, 1]]);
  });
});

describe("channels whose node gave them up", () => {
  test("go back to it at once, together, and from there to where it sends them", async () => {
    slotMoves.return(7, a, at(1));
    slotMoves.return(7, b, at(1));
    expect([slotMoves.size, settled]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1);
    slotMoves.redirect(7, a, at(2));
    slotMoves.redirect(7, b, at(2));
    await vi.advanceTimersByTimeAsync(1);
    expect(settled.map(([, slot, entries, port]) => [slot, entries, port])).toEqual([
      [7, "a,b", 1],
      [7, "a,b", 2],
    ]);
  });

  test("join those of their slot that wait to go elsewhere", async () => {
    for (let round = 0; round < 10; round++) {
      slotMoves.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    settled = [];
    slotMoves.redirect(7, a, at(2));
    slotMoves.return(7, b, at(1));
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(settled.map(([, , entries, port]) => [entries, port])).toEqual([["a,b", 2]]);
  });

  test("take those along that join them; who joins nobody is told so", async () => {
    expect(slotMoves.join(7, b)).toBe(false);
    slotMoves.redirect(7, a, at(1));
    expect([slotMoves.join(7, b), slotMoves.join(8, b)]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(0);
    expect(settled.map(([, , entries]) => entries)).toEqual(["a,b"]);
    expect(slotMoves.join(7, b)).toBe(false);
  });
});

describe("who leaves", () => {
  test("is not given a home; the last one ends the move", async () => {
    slotMoves.redirect(7, a, at(1));
    slotMoves.redirect(7, b, at(1));
    slotMoves.leave(7, a);
    expect(slotMoves.size).toBe(1);
    slotMoves.leave(7, b);
    slotMoves.leave(7, b);
    slotMoves.leave(9, b);
    expect([slotMoves.size, slotMoves.idle, vi.getTimerCount()]).toEqual([0, true, 0]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toEqual([]);
  });

  test("all leave at a stop", async () => {
    slotMoves.redirect(7, a, at(1));
    slotMoves.return(8, b, null);
    slotMoves.stop();
    expect([slotMoves.size, slotMoves.idle, vi.getTimerCount()]).toEqual([0, true, 0]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toEqual([]);
  });
});
