import { describe, expect, test } from "vitest";
import { Ring } from "../../../src/core/ring.ts";

function ringOf(count: number): Ring<number> {
  const ring = new Ring<number>();
  for (let i = 0; i < count; i++) ring.push(i);
  return ring;
}

describe("a ring", () => {
  test("that is empty holds nothing", () => {
    const ring = new Ring<string>();
    expect([ring.size, ring.peek(), ring.peekLast(), ring.shift(), ring.size]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
      0,
    ]);
    expect([...ring]).toEqual([]);
  });

  test("gives back first what came first", () => {
    const ring = ringOf(3);
    expect([ring.peek(), ring.peekLast()]).toEqual([0, 2]);
    expect([ring.shift(), ring.shift(), ring.shift(), ring.shift()]).toEqual([0, 1, 2, undefined]);
  });

  test.each([15, 16, 17, 1000])("holds %i items in order as it grows, wherever it begins", (count) => {
    for (let offset = 0; offset < 16; offset++) {
      const ring = ringOf(offset);
      for (let i = 0; i < offset; i++) ring.shift();
      for (let i = 0; i < count; i++) ring.push(i);
      expect(ring.size).toBe(count);
      expect([...ring]).toEqual(Array.from({ length: count }, (_, i) => i));
    }
  });

  test("keeps order while it gives memory back", () => {
    const ring = ringOf(100_000);
    for (let i = 0; i < 100_000; i++) {
      if (ring.shift() !== i) throw new Error(`out of order at ${i}`);
      if (ring.size < 100) expect([...ring]).toEqual(Array.from({ length: ring.size }, (_, at) => i + 1 + at));
    }
    expect([ring.size, ring.peek(), ring.peekLast()]).toEqual([0, undefined, undefined]);
  });

  test("is used again after it was cleared", () => {
    const ring = ringOf(50);
    ring.clear();
    expect([ring.size, ring.peek(), ...ring]).toEqual([0, undefined]);
    ring.push(7);
    expect([...ring]).toEqual([7]);
  });
});
