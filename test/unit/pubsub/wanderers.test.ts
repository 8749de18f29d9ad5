import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { HostPort } from "../../../src/cluster/replies.ts";
import { discard, Entry } from "../../../src/pubsub/entry.ts";
import { Wanderers } from "../../../src/pubsub/wanderers.ts";

const entryOf = (name: string): Entry => new Entry("shard", name, name, discard);
const [a, b] = [entryOf("a"), entryOf("b")];
const at = (port: number): HostPort => ({ host: "h", port });

/** What was settled: when, which slot, whose entries, and where. */
let settled: [at: number, slot: number, entries: string, port: number | null][];
let homes: boolean;
let wanderers: Wanderers;

beforeEach(() => {
  vi.useFakeTimers();
  settled = [];
  homes = true;
  const start = Date.now();
  wanderers = new Wanderers((slot, entries, target) => {
    settled.push([Date.now() - start, slot, entries.map(({ key }) => key).join(), target?.port ?? null]);
    return homes;
  });
});
afterEach(() => {
  wanderers.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("channels that a node sent on", () => {
  test("go at once to the first node that is named, together", async () => {
    wanderers.redirect(7, a, at(1));
    wanderers.redirect(7, b, at(1));
    expect([wanderers.size, wanderers.idle, settled]).toEqual([2, false, []]);
    await vi.advanceTimersByTimeAsync(0);
    expect(settled).toEqual([[0, 7, "a,b", 1]]);
    expect(wanderers.size).toBe(0);
  });

  test("wait longer and longer, up to 100 ms, while two nodes point at each other", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      const before = settled.length;
      const since = Date.now();
      wanderers.redirect(7, a, at(round % 2));
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
      wanderers.redirect(7, a, at(1));
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
      wanderers.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    wanderers.arrived(7);
    expect(wanderers.idle).toBe(true);
    wanderers.redirect(7, a, at(2));
    const since = settled.length;
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveLength(since + 1);
  });

  test("of one slot do not wait for those of another", async () => {
    for (let round = 0; round < 10; round++) {
      wanderers.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    wanderers.redirect(7, a, at(1));
    wanderers.redirect(8, b, at(1));
    settled = [];
    await vi.advanceTimersByTimeAsync(1);
    expect(settled.map(([, slot]) => slot)).toEqual([8]);
  });

  test("are tried again while nobody serves the slot", async () => {
    homes = false;
    wanderers.strand(7, a);
    await vi.advanceTimersByTimeAsync(0);
    expect([settled.length, wanderers.size]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(500);
    expect(settled.length).toBeGreaterThan(3);
    expect(wanderers.size).toBe(1);
    homes = true;
    await vi.advanceTimersByTimeAsync(100);
    expect([settled.at(-1)?.slice(1), wanderers.size]).toEqual([[7, "a", null], 0]);
  });
});

describe("channels that nobody serves", () => {
  test("do not make others wait that have been so for less long", async () => {
    homes = false;
    wanderers.strand(7, a);
    await vi.advanceTimersByTimeAsync(20_000);
    settled = [];
    wanderers.strand(8, b);
    await vi.advanceTimersByTimeAsync(12);
    expect(settled.filter(([, slot]) => slot === 8)).toHaveLength(1);
  });

  test("are asked for again at once when the first of them is served", async () => {
    homes = false;
    for (let slot = 0; slot < 3; slot++) wanderers.strand(slot, entryOf(`${slot}`));
    await vi.advanceTimersByTimeAsync(20_000);
    homes = true;
    while (wanderers.size === 3) await vi.advanceTimersByTimeAsync(1);
    settled = [];
    wanderers.arrived(7);
    expect(settled).toEqual([]);
    const [first] = [0, 1, 2].filter((slot) => !wanderers.join(slot, entryOf(`${slot}`)));
    wanderers.arrived(first as number);
    expect([settled.length, wanderers.size]).toEqual([2, 0]);
  });

  test("are asked for a few at a time, however many", async () => {
    homes = false;
    for (let slot = 0; slot < 1000; slot++) wanderers.strand(slot, entryOf(`${slot}`));
    await vi.advanceTimersByTimeAsync(10_000);
    const busiest = Math.max(...settled.map(([time]) => settled.filter(([at]) => at >= time && at < time + 90).length));
    expect(busiest).toBeLessThanOrEqual(2 * 64);
    expect(new Set(settled.map(([, slot]) => slot)).size).toBe(1000);
  });

  test("which are sent on after all are asked for there alone", async () => {
    homes = false;
    wanderers.strand(7, a);
    wanderers.redirect(7, a, at(1));
    homes = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled.map(([, slot, , port]) => [slot, port])).toEqual([[7, 1]]);
  });
});

describe("channels whose node gave them up", () => {
  test("go back to it at once, together, and from there to where it sends them", async () => {
    wanderers.return(7, a, at(1));
    wanderers.return(7, b, at(1));
    expect([wanderers.size, settled]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1);
    wanderers.redirect(7, a, at(2));
    wanderers.redirect(7, b, at(2));
    await vi.advanceTimersByTimeAsync(1);
    expect(settled.map(([, slot, entries, port]) => [slot, entries, port])).toEqual([
      [7, "a,b", 1],
      [7, "a,b", 2],
    ]);
  });

  test("join those of their slot that wait to go elsewhere", async () => {
    for (let round = 0; round < 10; round++) {
      wanderers.redirect(7, a, at(1));
      await vi.advanceTimersByTimeAsync(200);
    }
    settled = [];
    wanderers.redirect(7, a, at(2));
    wanderers.return(7, b, at(1));
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(settled.map(([, , entries, port]) => [entries, port])).toEqual([["a,b", 2]]);
  });

  test("take those along that join them; who joins nobody is told so", async () => {
    expect(wanderers.join(7, b)).toBe(false);
    wanderers.redirect(7, a, at(1));
    expect([wanderers.join(7, b), wanderers.join(8, b)]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(0);
    expect(settled.map(([, , entries]) => entries)).toEqual(["a,b"]);
    expect(wanderers.join(7, b)).toBe(false);
  });
});

describe("who leaves", () => {
  test("is not given a home; the last one ends the journey", async () => {
    wanderers.redirect(7, a, at(1));
    wanderers.redirect(7, b, at(1));
    wanderers.leave(7, a);
    expect(wanderers.size).toBe(1);
    wanderers.leave(7, b);
    wanderers.leave(7, b);
    wanderers.leave(9, b);
    expect([wanderers.size, wanderers.idle, vi.getTimerCount()]).toEqual([0, true, 0]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toEqual([]);
  });

  test("all leave at a stop", async () => {
    wanderers.redirect(7, a, at(1));
    wanderers.return(8, b, null);
    wanderers.stop();
    expect([wanderers.size, wanderers.idle, vi.getTimerCount()]).toEqual([0, true, 0]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toEqual([]);
  });
});
