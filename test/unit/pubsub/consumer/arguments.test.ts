import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../../../src/errors.ts";
import { readHandlers, readNames, readSubscribe, readUnsubscribe } from "../../../../src/pubsub/consumer/arguments.ts";

const [first, second] = [(): void => {}, (): void => {}];

/** What is asked for: each key with its handler. */
function wanted(args: readonly unknown[]): [string, unknown][] {
  const { keys, handlers } = readSubscribe("channel", args);
  return Array.from(keys, (key) => [key, handlers instanceof Map ? handlers.get(key) : handlers]);
}

describe("the forms of subscribe", () => {
  test.each<[string, unknown[], [string, unknown][]]>([
    [
      "names",
      ["a", Buffer.from("b")],
      [
        ["a", null],
        ["b", null],
      ],
    ],
    [
      "a list",
      [["a", "b"]],
      [
        ["a", null],
        ["b", null],
      ],
    ],
    ["an empty name", [""], [["", null]]],
    ["a name and a handler", ["a", first], [["a", first]]],
    [
      "names and a handler",
      [["a", "b"], first],
      [
        ["a", first],
        ["b", first],
      ],
    ],
    ["a name and no handler", ["a", undefined], [["a", null]]],
    ["names and no handler", [new Set(["a"]), undefined, {}], [["a", null]]],
    [
      "a record",
      [{ a: first, b: second }],
      [
        ["a", first],
        ["b", second],
      ],
    ],
    ["a record and no options", [{ a: first }, undefined], [["a", first]]],
    ["a Map and no options", [new Map([["a", first]]), undefined], [["a", first]]],
    [
      "pairs and names",
      [[["a", first], "b"]],
      [
        ["a", first],
        ["b", null],
      ],
    ],
    [
      "a name twice: the last handler holds",
      [
        [
          ["a", first],
          ["a", second],
        ],
      ],
      [["a", second]],
    ],
    [
      "text and its bytes are one name",
      [
        [
          ["é", first],
          [Buffer.from("é"), second],
        ],
      ],
      [["Ã©", second]],
    ],
  ])("%s", (_, args, expected) => {
    expect(wanted(args)).toEqual(expected);
  });

  test("options are handed on", () => {
    const { signal } = new AbortController();
    expect(readSubscribe("channel", [["a"], { timeout: 5, signal }]).options).toEqual({ timeout: 5, signal });
    expect(readSubscribe("channel", ["a", first, { timeout: 5 }]).options).toEqual({ timeout: 5 });
    expect(readSubscribe("channel", ["a"]).options).toEqual({});
    expect(readSubscribe("channel", [["a"], { timeout: undefined, signal: undefined }]).options.timeout).toBe(
      undefined,
    );
  });

  test("the name __proto__ of a record is a name like any other", () => {
    const record = Object.fromEntries([["__proto__", first]]);
    expect(wanted([record])).toEqual([["__proto__", first]]);
  });

  test("a name and options", () => {
    expect(wanted(["a", { timeout: 5 }])).toEqual([["a", null]]);
    const { options } = readSubscribe("channel", ["a", { timeout: 5 }]);
    expect(options).toEqual({ timeout: 5 });
  });

  test("what a record inherits is no name", () => {
    const inherited = Object.assign(Object.create({ inherited: first }), { own: first });
    expect(() => readSubscribe("channel", [inherited])).toThrow(ArgumentError);
    const bare = Object.assign(Object.create(null), { own: first });
    expect(wanted([bare])).toEqual([["own", first]]);
  });

  test("the words of an error are those of the kind", () => {
    expect(() => readSubscribe("pattern", [])).toThrow(/pattern/);
    expect(() => readSubscribe("pattern", [[]])).toThrow(/pattern.*empty/);
    expect(() => readSubscribe("channel", [{ a: "b" }])).toThrow(/"a".*function.*string/);
    expect(() => readSubscribe("channel", [[5]])).toThrow(ArgumentError);
  });

  test("a list is read once", () => {
    let reads = 0;
    const names = {
      *[Symbol.iterator]() {
        reads++;
        yield "a";
      },
    };
    readSubscribe("channel", [names, first]);
    readUnsubscribe("channel", [names]);
    readNames("channel", names);
    expect(reads).toBe(3);
  });
});

describe("the forms of unsubscribe", () => {
  test("nothing is all, an empty list is none", () => {
    expect(readUnsubscribe("channel", [])).toBe(null);
    expect(readUnsubscribe("channel", [[]])).toEqual(new Set());
  });

  test.each<[string, unknown[]]>([
    ["names", ["a", Buffer.from("b"), "a"]],
    ["a list", [["a", "b", "b"]]],
    ["a Set", [new Set(["a", "b"])]],
  ])("%s", (_, args) => {
    expect(readUnsubscribe("channel", args)).toEqual(new Set(["a", "b"]));
  });

  test.each([[undefined], [null], [5], [["a"], "b"], ["a", undefined]])("(%o, …) is refused", (...args) => {
    expect(() => readUnsubscribe("channel", args)).toThrow(ArgumentError);
  });
});

describe("handlers of options", () => {
  test("records, Maps and pairs", () => {
    const expected = [["a", first]];
    expect(readHandlers("channel", { a: first })).toEqual(expected);
    expect(readHandlers("channel", new Map([["a", first]]))).toEqual(expected);
    expect(readHandlers("channel", [[Buffer.from("a"), first]])).toEqual(expected);
    expect(readHandlers("channel", {})).toEqual([]);
  });

  test.each([
    ["names", ["a"]],
    ["text", "a"],
    ["null", null],
    ["no functions", { a: 1 }],
  ])("%s are refused", (_, given) => {
    expect(() => readHandlers("channel", given)).toThrow(ArgumentError);
  });
});
