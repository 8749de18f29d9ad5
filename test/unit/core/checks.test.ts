import { describe, expect, test } from "vitest";
import {
  between,
  boolean,
  type Check,
  callable,
  check,
  checkOptions,
  describe as described,
  integer,
  isIterable,
  milliseconds,
  nonNegative,
  oneOf,
  signal,
  string,
} from "../../../src/core/checks.ts";
import { ArgumentError } from "../../../src/errors.ts";

const known = { password: string, username: string, connectTimeout: milliseconds, tls: boolean };

function refusal(act: () => void): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return error instanceof Error ? error.message : "";
  }
  return "nothing was thrown";
}

describe("options", () => {
  test("that are known and right, absent or undefined pass", () => {
    expect(() => checkOptions("Redis", { password: "x", tls: false }, known)).not.toThrow();
    expect(() => checkOptions("Redis", { password: undefined }, known)).not.toThrow();
    expect(() => checkOptions("Redis", {}, known)).not.toThrow();
    expect(() => checkOptions("Redis", undefined, known)).not.toThrow();
    expect(() => checkOptions("Redis", Object.create(null), known)).not.toThrow();
  });

  test.each([
    ["pasword", "password"],
    ["userName", "username"],
    ["connectionTimeout", "connectTimeout"],
    ["TLS", "tls"],
  ])("%s is unknown and names %s", (given, nearest) => {
    const message = refusal(() => checkOptions("Redis", { [given]: "hunter2" }, known));
    expect(message).toContain(`"${given}"`);
    expect(message).toContain(`Did you mean "${nearest}"?`);
    expect(message).not.toContain("hunter2");
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("%s is unknown", (name) => {
    expect(refusal(() => checkOptions("Redis", JSON.parse(`{"${name}": 1}`), known))).toContain(`"${name}"`);
  });

  test("unknown ones that are undefined are refused too", () => {
    expect(refusal(() => checkOptions("Redis", { pasword: undefined }, known))).toContain("pasword");
  });

  test("where none is known, none is suggested", () => {
    expect(refusal(() => checkOptions("noRetry", { a: 1 }, {}))).toBe('noRetry knows no option "a".');
  });

  test.each([null, "hunter2", 4, true, [], ["hunter2"], () => {}])("%o is no object of options", (options) => {
    const message = refusal(() => checkOptions("Redis", options, known));
    expect(message).toContain("takes an object of options");
    expect(message).not.toContain("hunter2");
  });
});

describe("a wrong value", () => {
  class Secret {
    readonly value = "hunter2";
    toString(): string {
      return this.value;
    }
  }

  test.each<[string, unknown]>([
    ["a number", 90210123],
    ["an object", { secret: "hunter2" }],
    ["an array", ["hunter2"]],
    ["an instance", new Secret()],
    ["bytes", Buffer.from("hunter2")],
    ["a bigint", 90210123n],
    ["a symbol", Symbol("hunter2")],
    ["a function", () => "hunter2"],
    ["an object with a constructor of its own", { constructor: "hunter2" }],
    ["an object without a prototype", Object.assign(Object.create(null), { secret: "hunter2" })],
  ])("that is %s is refused and not shown", (_what, password) => {
    const message = refusal(() => checkOptions("Redis", { password }, known));
    expect(message).toContain('"password" must be a string, not');
    expect(message).not.toMatch(/hunter2|90210123/);
  });

  test.each<[Check]>([
    [string],
    [boolean],
    [callable],
    [signal],
    [nonNegative],
    [milliseconds],
    [between(1, 2)],
    [integer(1, 2)],
    [oneOf("full", "none")],
  ])("that is a text is never shown (check %#)", (wants) => {
    const value = wants === string ? { toJSON: () => "hunter2" } : "hunter2";
    expect(refusal(() => wants(value, "option"))).not.toContain("hunter2");
  });

  test("is described by its kind", () => {
    expect([null, undefined, true, [], {}, new Map(), "a", "", Symbol(), 1n, () => {}].map(described)).toEqual([
      "null",
      "undefined",
      "true",
      "an array",
      "an object (Object)",
      "an object (Map)",
      "a string",
      "an empty string",
      "a symbol",
      "a bigint",
      "a function",
    ]);
  });
});

describe("checks", () => {
  const nan = Number.NaN;
  const infinite = Number.POSITIVE_INFINITY;

  test.each<[string, Check, unknown[], unknown[]]>([
    ["string", string, ["", "a"], [1, null, ["a"]]],
    ["boolean", boolean, [true, false], [0, "true", null]],
    ["callable", callable, [() => {}, class {}], [{}, null, "f"]],
    ["signal", signal, [new AbortController().signal], [{}, null, new AbortController()]],
    ["nonNegative", nonNegative, [0, 0.5, 1e12], [-1, nan, infinite, "1", null, 1n]],
    ["milliseconds", milliseconds, [0.1, 1, 2 ** 31 - 1], [0, -1, 2 ** 31, nan, infinite, "1"]],
    ["between", between(1, 3), [1, 1.5, 3], [0.9, 3.1, nan, "2"]],
    ["between, without an end", between(0, infinite), [0, infinite], [-1, nan]],
    ["integer", integer(1, 3), [1, 2, 3], [0, 4, 1.5, nan, infinite, "2", 2n]],
    ["oneOf", oneOf(2, 3, "auto"), [2, 3, "auto"], ["2", 4, null, undefined]],
    ["check", check("even", (value) => Number(value) % 2 === 0), [2, "4"], [3, "a"]],
  ])("%s", (_name, wants, right, wrong) => {
    for (const value of right) expect(() => wants(value, "option")).not.toThrow();
    for (const value of wrong) expect(refusal(() => wants(value, "option"))).toMatch(/^"option" must be /);
  });

  test("numbers say what is wanted and what came", () => {
    expect(refusal(() => integer(1, 9)(0, "db"))).toBe('"db" must be a whole number from 1 to 9, not 0.');
    expect(refusal(() => oneOf("full", "none")(3, "jitter"))).toContain('"full" or "none"');
  });
});

describe("a list of things", () => {
  test.each([[["a"]], [new Set(["a"])], [new Map()], [new Uint16Array(1)]])("is %o", (value) => {
    expect(isIterable(value)).toBe(true);
  });

  test.each(["text", null, undefined, 5, {}, Buffer.from("a"), new Uint8Array(1)])("is not %o", (value) => {
    expect(isIterable(value)).toBe(false);
  });
});
