import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { latin1, type NameInput, NameView, nameMap, nameOf } from "../../src/names.ts";

const names: [string, NameInput, string][] = [
  ["nothing", "", ""],
  ["ASCII", "news", "news"],
  ["a text", "größe", "gr\xc3\xb6\xc3\x9fe"],
  ["an emoji", "🎉", "\xf0\x9f\x8e\x89"],
  ["half an emoji", "\ud83c", "\xef\xbf\xbd"],
  ["latin1 letters", "é", "\xc3\xa9"],
  ["bytes", Uint8Array.of(0, 13, 10, 255), "\x00\r\n\xff"],
  ["a Buffer", Buffer.from("é"), "\xc3\xa9"],
  ["a part of a larger Buffer", Buffer.from("abcdef").subarray(2, 4), "cd"],
  ["__proto__", "__proto__", "__proto__"],
];

describe("a key", () => {
  test.each(names)("of %s has a char per byte", (_what, name, key) => {
    expect(latin1(name)).toBe(key);
  });

  test("is the same for a text and its bytes", () => {
    for (const text of ["", "a", "é", "日本", "__proto__"]) expect(latin1(Buffer.from(text))).toBe(latin1(text));
  });

  test("tells apart bytes that are shown as the same text", () => {
    const [one, other] = [Buffer.of(0xff), Buffer.of(0xfe)];
    expect(one.toString()).toBe(other.toString());
    expect(latin1(one)).not.toBe(latin1(other));
    expect(latin1(one)).not.toBe(latin1("\ufffd"));
    expect(latin1(one)).not.toBe(latin1("\xff"));
  });
});

describe("a name", () => {
  test.each(names)("of %s is shown as its text, or as its bytes", (_what, name, key) => {
    const bytes = Buffer.from(name);
    expect(nameOf(key, "bytes")).toEqual(bytes);
    expect(nameOf(key, "utf8")).toBe(bytes.toString());
  });
});

describe("a map of names", () => {
  const key = latin1;
  const entries: [string, number][] = [
    [key("news"), 1],
    [key("é"), 2],
    [key(Buffer.of(0xff)), 3],
    [key(Buffer.of(0xfe)), 4],
    [key("__proto__"), 5],
    [key(""), 6],
  ];
  const shown = nameMap(entries, "utf8");

  test("finds a name by its text and by its bytes", () => {
    for (const name of ["news", Buffer.from("news"), new Uint8Array(Buffer.from("news"))]) {
      expect([shown.get(name), shown.has(name)]).toEqual([1, true]);
    }
    expect([shown.get("é"), shown.get(Buffer.from("é"))]).toEqual([2, 2]);
    expect([shown.get("\xc3\xa9"), shown.has("\xc3\xa9")]).toEqual([undefined, false]);
  });

  test("keeps names apart that are not UTF-8", () => {
    expect([shown.get(Buffer.of(0xff)), shown.get(Buffer.of(0xfe)), shown.get("\ufffd")]).toEqual([3, 4, undefined]);
  });

  test("holds any name, and no other", () => {
    expect([shown.get("__proto__"), shown.get("")]).toEqual([5, 6]);
    for (const name of ["constructor", "toString", "NEWS", "news "]) expect(shown.has(name)).toBe(false);
  });

  test("keeps the order it was filled in", () => {
    const texts = ["news", "é", "\ufffd", "\ufffd", "__proto__", ""];
    expect(shown.size).toBe(6);
    expect([...shown.keys()]).toEqual(texts);
    expect([...shown.values()]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...shown]).toEqual(texts.map((text, i) => [text, i + 1]));
    expect([...shown.entries()]).toEqual([...shown]);
  });

  test("shows Buffers where bytes are asked for", () => {
    const bytes = nameMap(entries, "bytes");
    expect([...bytes.keys()].slice(1, 3)).toEqual([Buffer.from("é"), Buffer.of(0xff)]);
    expect(bytes.get("é")).toBe(2);
  });

  test("calls back with value, name and itself", () => {
    const calls: unknown[][] = [];
    nameMap([["a", 1]], "utf8").forEach((...args) => {
      calls.push(args);
    });
    expect(calls).toEqual([[1, "a", expect.any(NameView)]]);
  });

  test("takes the last value of a name that comes twice", () => {
    const twice = nameMap([...entries, [key("news"), 7]], "utf8");
    expect([twice.size, twice.get("news")]).toEqual([6, 7]);
  });

  test("prints as a Map", () => {
    expect(inspect(nameMap([["a", 1]], "utf8"))).toBe(inspect(new Map([["a", 1]])));
    expect(inspect({ nested: nameMap([["a", 1]], "bytes") })).toBe(
      inspect({ nested: new Map([[Buffer.from("a"), 1]]) }),
    );
    expect(inspect(nameMap([], "utf8"))).toBe("Map(0) {}");
  });

  test("says what it is", () => {
    expect(Object.prototype.toString.call(shown)).toBe("[object NameView]");
  });

  test("gives iterators that are iterated once, as a Map's are", () => {
    const keys = shown.keys();
    expect(keys.next()).toEqual({ done: false, value: "news" });
    expect([...keys]).toHaveLength(5);
    expect([...keys]).toEqual([]);
  });
});

test("a view shows its source as it is now", () => {
  const source = new Map<string, [string, number]>();
  const view = new NameView(
    (key) => source.get(key),
    () => source.values(),
    () => source.size,
  );
  expect([view.size, view.has("a")]).toEqual([0, false]);
  source.set("a", ["a", 1]);
  expect([view.size, view.get("a"), ...view]).toEqual([1, 1, ["a", 1]]);
  source.delete("a");
  expect([view.size, view.get("a"), ...view]).toEqual([0, undefined]);
});

test("a name whose value is undefined is there all the same", () => {
  const map = nameMap([["a", undefined]], "utf8");
  expect([map.has("a"), map.get("a"), map.has("b")]).toEqual([true, undefined, false]);
});
