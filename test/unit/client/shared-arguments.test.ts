import { describe, expect, test } from "vitest";
import { readSharedArguments } from "../../../src/client/shared-arguments.ts";
import { ArgumentError } from "../../../src/errors.ts";

const handler = (): void => {};
const usual = { shared: true, ignoreSubscribeMessages: true };

describe("names, a handler and options", () => {
  test("become options of a shared consumer", () => {
    expect(readSharedArguments("channel", ["news"])).toEqual({ ...usual, channels: ["news"] });
    expect(readSharedArguments("pattern", [["n*", "o*"], undefined, { maxIdle: 5 }])).toEqual({
      ...usual,
      maxIdle: 5,
      patterns: ["n*", "o*"],
    });
    expect(readSharedArguments("channel", ["news", { includeGaps: true }])).toEqual({
      ...usual,
      includeGaps: true,
      channels: ["news"],
    });
  });

  test("a handler is that of each name", () => {
    expect(readSharedArguments("channel", [["a", "b"], handler, { maxIdle: 5 }])).toEqual({
      ...usual,
      maxIdle: 5,
      channelHandlers: [
        ["a", handler],
        ["b", handler],
      ],
    });
    expect(readSharedArguments("pattern", ["n*", handler])).toEqual({ ...usual, patternHandlers: [["n*", handler]] });
  });

  test("names may be a list that can be read once, and bytes are one name", () => {
    expect(readSharedArguments("channel", [new Set(["a", "b"]).values()])).toMatchObject({ channels: ["a", "b"] });
    const name = Buffer.from("ab");
    expect(readSharedArguments("channel", [name])).toMatchObject({ channels: [name] });
  });

  test("options may ask for confirmations after all", () => {
    expect(readSharedArguments("channel", ["a", { ignoreSubscribeMessages: false }])).toMatchObject({
      ignoreSubscribeMessages: false,
    });
  });
});

describe("a mistake is told what to do", () => {
  test.each<[string, unknown[]]>([
    ["several names, not in a list", ["a", "b"]],
    ["a name behind the handler", ["a", handler, "b"]],
    ["too many arguments", ["a", handler, {}, {}]],
    ["options that are none, behind a handler", ["a", handler, 5]],
    ["options in two places", ["a", {}, {}]],
  ])("%s", (_what, args) => {
    expect(() => readSharedArguments("channel", args)).toThrow(
      /^Subscribe takes names, then a handler, then options, not .*Give several names as an array\.$/,
    );
  });

  test.each(["channels", "patterns", "channelHandlers", "patternHandlers"])("the option %s", (name) => {
    expect(() => readSharedArguments("channel", ["a", { [name]: [] }])).toThrow(
      `"${name}" is no option here: names come first, then the handler.`,
    );
  });

  test.each(["channel", "pattern"] as const)("no %s", (what) => {
    expect(() => readSharedArguments(what, [[]])).toThrow(`Subscribe takes at least one ${what}; the list is empty.`);
  });

  test("what is no name", () => {
    expect(() => readSharedArguments("channel", [5])).toThrow(ArgumentError);
  });
});
