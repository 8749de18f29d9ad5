import { ArgumentError, PubSub, type PubSubOptions, Redis } from "tidings";
import { describe, expect, test } from "vitest";
import { startFakeServer } from "../../support/fake-server.ts";
import { rejection } from "./fixtures.ts";

const client = new Redis();
const handler = (): void => {};

/** What a call throws, or its promise rejects with. */
const refusal = (call: () => unknown): Promise<unknown> => rejection(Promise.resolve().then(call));

const gone = new Uint8Array([1, 2, 3]);
structuredClone(gone, { transfer: [gone.buffer] });

const wrongNames: [string, unknown][] = [
  ["bytes that were transferred away", gone],
  ["more than 128 MiB", "x".repeat(128 * 1024 * 1024 + 1)],
  ["a number", 5],
  ["null", null],
  ["true", true],
  ["a function", handler],
  ["a list with a number", ["a", 5]],
  ["a list with undefined", ["a", undefined]],
  ["a list of lists of names", [["a"], ["b"]]],
  ["a list with null", new Set([null])],
];

describe("options of a consumer", () => {
  test.each<[string, object]>([
    ...(["channels", "patterns"] as const).flatMap((option) =>
      wrongNames.map(([what, value]): [string, object] => [`${option} as ${what}`, { [option]: value }]),
    ),
    ...(["channelHandlers", "patternHandlers"] as const).flatMap((option): [string, object][] => [
      [`${option} as text`, { [option]: "a" }],
      [`${option} as a function`, { [option]: handler }],
      [`${option} with text for a handler`, { [option]: { a: "handler" } }],
      [`${option} as names alone`, { [option]: ["a", "b"] }],
      [`${option} with a number for a name`, { [option]: [[5, handler]] }],
    ]),
    ...["subscriptionTimeout", "unsubscriptionTimeout", "maxIdle", "pingTimeout"].flatMap((option) =>
      [-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "1000", null].map((value): [string, object] => [
        `${option} ${value}`,
        { [option]: value },
      ]),
    ),
    ["ignoreSubscribeMessages 1", { ignoreSubscribeMessages: 1 }],
    ["retryPolicy {}", { retryPolicy: {} }],
    ["codec text", { codec: "json" }],
    ["a codec without encode", { codec: { decode: handler } }],
    ["names text", { names: "text" }],
    ["signal {}", { signal: {} }],
    ["signal of a controller", { signal: new AbortController() }],
  ])("%s is refused at once", (_, options) => {
    expect(() => new PubSub(client, options as PubSubOptions)).toThrow(ArgumentError);
  });

  test.each([
    ["chanels", "channels"],
    ["pattern", "patterns"],
    ["ignoreSubscribeMessage", "ignoreSubscribeMessages"],
    ["subscribeTimeout", "subscriptionTimeout"],
    ["channelHandler", "channelHandlers"],
    ["codecs", "codec"],
  ])("the unknown option %s is refused with %s, the nearest", async (given, nearest) => {
    const make = (): unknown => new PubSub(client, { [given]: undefined } as PubSubOptions);
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(`"${given}"`);
    expect(make).toThrow(`"${nearest}"`);
    expect(await refusal(() => client.pubsub({ [given]: 1 } as PubSubOptions))).toBeInstanceOf(ArgumentError);
  });

  test.each([5, "a", null, [], handler])("%o is no options at all", (options) => {
    expect(() => new PubSub(client, options as never)).toThrow(ArgumentError);
  });

  test("options that are undefined are options left out", async () => {
    const consumer = new PubSub(client, {
      channels: undefined,
      patterns: undefined,
      channelHandlers: undefined,
      codec: undefined,
      subscriptionTimeout: undefined,
      signal: undefined,
    });
    expect(consumer.subscribed).toBe(false);
    await consumer.close();
  });

  test("wrong options connect to nothing", async () => {
    await using server = await startFakeServer();
    await using other = new Redis(server.url);
    expect(await rejection(other.pubsub({ channels: 5 } as never))).toBeInstanceOf(ArgumentError);
    expect(server.accepted).toEqual([]);
  });
});

describe.each(["subscribe", "psubscribe"] as const)("arguments of %s", (method) => {
  const call = (...args: unknown[]): Promise<unknown> => {
    const consumer = new PubSub(client);
    return refusal(() => Reflect.apply(consumer[method], consumer, args));
  };

  test.each<[string, unknown[]]>([
    ["nothing", []],
    ["an empty list", [[]]],
    ["an empty list with a handler", [[], handler]],
    ["an empty Set", [new Set()]],
    ["an empty record", [{}]],
    ["an empty Map", [new Map()]],
    ...wrongNames.map(([what, value]): [string, unknown[]] => [what, [value]]),
    ...wrongNames.map(([what, value]): [string, unknown[]] => [`${what} with a handler`, [value, handler]]),
    ["undefined", [undefined]],
    ["a name and a number", ["a", 5]],
    ["a name and null", ["a", null]],
    ["a name and unknown options", ["a", { timout: 5 }]],
    ["a forgotten await", [Promise.resolve("a")]],
    ["a list and a number", [["a"], 5]],
    ["a list and text", [["a"], "b"]],
    ["a list and a list", [["a"], ["b"]]],
    ["a record with text for a handler", [{ a: "handler" }]],
    ["a Map with undefined for a handler", [new Map([["a", undefined]])]],
    ["a record and a handler", [{ a: handler }, handler]],
    ["pairs of three kinds", [[["a", handler], "b", 5]]],
    ["a name, a handler and a number", ["a", handler, 5]],
    ["four arguments with a handler", ["a", handler, {}, {}]],
    ["an unknown option", [["a"], { timout: 5 }]],
    ["an unknown option behind a handler", ["a", handler, { timout: 5 }]],
    ["a negative timeout", [["a"], { timeout: -1 }]],
    ["a timeout of 0", [["a"], { timeout: 0 }]],
    ["a timeout as text", [["a"], { timeout: "5" }]],
    ["a signal that is none", [["a"], { signal: {} }]],
  ])("%s is refused", async (_, args) => {
    expect(await call(...args)).toBeInstanceOf(ArgumentError);
  });

  test("the nearest option is named", async () => {
    expect(await call(["a"], { timout: 5 })).toMatchObject({ message: expect.stringContaining('"timeout"') });
  });

  test("a refused call leaves no state", async () => {
    const consumer = new PubSub(client);
    await refusal(() => Reflect.apply(consumer[method], consumer, [["a", "b", 5]]));
    await refusal(() => Reflect.apply(consumer[method], consumer, [{ a: handler, b: 5 }]));
    await refusal(() => Reflect.apply(consumer[method], consumer, [["a"], { timeout: -1 }]));
    expect([consumer.subscribed, consumer.channels.size, consumer.patterns.size]).toEqual([false, 0, 0]);
  });

  test("what a list throws while it is read reaches the caller", async () => {
    const thrown = new Error("mine");
    const names = (function* (): Generator<string> {
      yield "a";
      throw thrown;
    })();
    expect(await call(names)).toBe(thrown);
  });
});

describe.each(["unsubscribe", "punsubscribe"] as const)("arguments of %s", (method) => {
  test.each<[string, unknown[]]>([
    ...wrongNames.map(([what, value]): [string, unknown[]] => [what, [value]]),
    ["undefined", [undefined]],
    ["an object", [{ a: handler }]],
    ["a name and a number", ["a", 5]],
    ["a name and a list", ["a", ["b"]]],
    ["a list and a name", [["a"], "b"]],
  ])("%s is refused", async (_, args) => {
    const consumer = new PubSub(client, { channels: "a", patterns: "a" });
    expect(await refusal(() => Reflect.apply(consumer[method], consumer, args))).toBeInstanceOf(ArgumentError);
    expect([consumer.channels.size, consumer.patterns.size]).toEqual([1, 1]);
    await consumer.close();
  });
});

test("an error of an argument shows no value", async () => {
  const secret = { password: "confidential" };
  const consumer = new PubSub(client);
  const errors = [
    await refusal(() => consumer.subscribe(secret as never)),
    await refusal(() => consumer.subscribe(["a"], { timeout: "confidential" } as never)),
    await refusal(() => new PubSub(client, { retryPolicy: secret } as never)),
  ];
  expect(errors.map((error) => [error instanceof ArgumentError, String(error).includes("confidential")])).toEqual(
    new Array(3).fill([true, false]),
  );
});
