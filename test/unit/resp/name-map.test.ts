import { describe, expect, test } from "vitest";
import { NameMap } from "../../../src/resp/name-map.ts";
import { bytesForEach } from "../../support/allocations.ts";

const NAMES = Array.from({ length: 20_000 }, (_, index) => `user:${index}:news`);

/** The names' bytes one behind the other, and where each begins. */
function laidOut(names: readonly string[]): { readonly view: DataView; readonly starts: readonly number[] } {
  const bytes = Buffer.from(`${names.join("")}\r\n$`, "latin1");
  let at = 0;
  const starts = names.map((name) => {
    const start = at;
    at += name.length;
    return start;
  });
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), starts };
}

describe("a map of names", () => {
  const { view, starts } = laidOut(NAMES);
  const findAll = (map: NameMap<number>): (number | undefined)[] =>
    NAMES.map((name, i) => map.find(view, starts[i] as number, (starts[i] as number) + name.length));

  test("finds every one of many names by its bytes, also when they are asked for again", () => {
    const map = new NameMap<number>();
    for (const [index, name] of NAMES.entries()) map.set(name, index);
    for (let round = 0; round < 3; round++) expect(findAll(map)).toEqual([...NAMES.keys()]);
  });

  test("forgets what is deleted, and finds what takes its place", () => {
    const map = new NameMap<number>();
    for (const [index, name] of NAMES.entries()) map.set(name, index);
    findAll(map);
    for (const name of NAMES.slice(0, 15_000)) map.delete(name);
    expect(findAll(map)).toEqual(NAMES.map((_, index) => (index < 15_000 ? undefined : index)));
    for (const name of NAMES) map.set(name, -1);
    expect(new Set(findAll(map))).toEqual(new Set([-1]));
    map.clear();
    expect(new Set(findAll(map))).toEqual(new Set([undefined]));
  });

  test("a name that comes and goes does not make it grow", async () => {
    const map = new NameMap<number>().set("stays", 1);
    const once = (): void => {
      map.set("user:0:news", 0);
      map.find(view, 0, "user:0:news".length);
      map.delete("user:0:news");
    };
    for (let i = 0; i < 1000; i++) once();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100_000; i++) once();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    expect(map.find(view, 0, "user:0:news".length)).toBeUndefined();
  });

  test("one map knows nothing of another", () => {
    const [one, other] = [new NameMap<number>(), new NameMap<number>()];
    one.set("user:0:news", 1);
    expect(one.find(view, 0, "user:0:news".length)).toBe(1);
    expect(other.find(view, 0, "user:0:news".length)).toBeUndefined();
  });

  test.each([
    ["anything", NAMES.slice(0, 100)],
    ["a letter", Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (letter) => `cha${letter}`)],
    ["two digits", Array.from({ length: 90 }, (_, index) => `rooms:${index + 10}`)],
  ])("allocates nothing for a name that it has seen, be it that they differ in %s", async (_, names) => {
    const laid = laidOut(names);
    const map = new NameMap<number>();
    for (const [index, name] of names.entries()) map.set(name, index);
    let sum = 0;
    const ask = (): void => {
      for (let i = 0; i < 10_000; i++) {
        const from = laid.starts[i % names.length] as number;
        sum += map.find(laid.view, from, from + (names[i % names.length] as string).length) ?? Number.NaN;
      }
    };
    // Now and then one of them finds no place.
    expect(await bytesForEach(10_000, ask)).toBeLessThan(24);
    expect(sum).toBeGreaterThan(0);
  });
});
