import type { Handler, Message, PubSub } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { leftOver, message, nextItems, onTestingToo, patternMessage, receiveMany } from "./fixtures.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function* generated(...names: string[]): Generator<string> {
  yield* names;
}

/** Every way to give the names "a" and "b". */
const manyNames: [string, () => Iterable<string | Uint8Array>][] = [
  ["an array", () => ["a", "b"]],
  ["a Set", () => new Set(["a", "b"])],
  ["a generator", () => generated("a", "b")],
  ["an array of bytes", () => [bytes("a"), bytes("b")]],
  ["an array with a name twice", () => ["a", bytes("a"), "b"]],
];

onTestingToo("subscribing", (bench) => {
  test("a consumer is subscribed to its channels and patterns when it is given", async () => {
    const consumer = await bench.consumer({ channels: ["news", "weather"], patterns: ["sport.*"] });
    await bench.truth({ channels: ["news", "weather"], patterns: ["sport.*"] });
    expect(await bench.publish("news", "1")).toBe(1);
    expect(await bench.publish("sport.golf", "2")).toBe(bench.patterns ? 1 : 0);
    expect(await bench.publish("weather", "3")).toBe(1);
    expect(await receiveMany(consumer, bench.patterns ? 3 : 2)).toEqual([
      message("news", "1"),
      ...(bench.patterns ? [patternMessage("sport.*", "sport.golf", "2")] : []),
      message("weather", "3"),
    ]);
  });

  test.each<[string, string | Uint8Array]>([
    ["text", "a"],
    ["bytes", bytes("a")],
  ])("options take a single name as %s", async (_, name) => {
    const consumer = await bench.consumer({ channels: name, patterns: name });
    await bench.truth({ channels: ["a"], patterns: ["a"] });
    expect([...consumer.channels]).toEqual([["a", null]]);
    if (bench.patterns) expect([...consumer.patterns]).toEqual([["a", null]]);
  });

  test.each(manyNames)("options take names as %s", async (_, names) => {
    const consumer = await bench.consumer({ channels: names(), patterns: names() });
    await bench.truth({ channels: ["a", "b"], patterns: ["a", "b"] });
    expect([...consumer.channels.keys()]).toEqual(["a", "b"]);
  });

  test.each<[string, (handler: Handler) => unknown]>([
    ["a record", (handler) => ({ a: handler, b: handler })],
    ["a Map", (handler) => new Map<string | Uint8Array, Handler>([["a", handler]]).set(bytes("b"), handler)],
    ["an array of pairs", (handler) => [["a", handler] as const, ["b", handler] as const]],
    ["the entries of a Map", (handler) => new Map([["a", handler]]).set("b", handler).entries()],
  ])("options take handlers as %s", async (_, handlers) => {
    const seen: unknown[] = [];
    const handler: Handler = (given) => seen.push(given);
    const consumer = await bench.consumer({
      channelHandlers: handlers(handler) as Iterable<[string, Handler]>,
      patternHandlers: handlers(handler) as Iterable<[string, Handler]>,
    });
    await bench.truth({ channels: ["a", "b"], patterns: ["a", "b"] });
    expect([...consumer.channels]).toEqual([
      ["a", handler],
      ["b", handler],
    ]);
    await bench.publish("b", "1");
    await eventually(() => expect(seen.slice(0, 1)).toEqual([message("b", "1")]));
    if (bench.patterns) await eventually(() => expect(seen.slice(1)).toEqual([patternMessage("b", "b", "1")]));
  });

  test("empty options subscribe to nothing, and a consumer without names is live all the same", async () => {
    const consumer = await bench.consumer({ channels: [], patterns: new Set<string>(), channelHandlers: {} });
    expect([consumer.state, consumer.subscribed, consumer.channels.size]).toEqual(["live", false, 0]);
    await consumer.subscribe("later");
    await bench.publish("later", "1");
    expect(await consumer.receive({ timeout: 5000 })).toEqual(message("later", "1"));
  });

  /** Each form of subscribe and psubscribe; `want` is either. */
  const forms: [string, (want: PubSub["subscribe"], handler: Handler) => Promise<void>, boolean][] = [
    ["several names", (want) => want("a", bytes("b")), false],
    ...manyNames.map(([form, names]): [string, (want: PubSub["subscribe"]) => Promise<void>, boolean] => [
      form,
      (want) => want(names(), { timeout: 5000 }),
      false,
    ]),
    ["names and no handler", (want) => want(["a", "b"], undefined, { timeout: 5000 }), false],
    ["names and one handler", (want, handler) => want(generated("a", "b"), handler), true],
    ["names, one handler and options", (want, handler) => want(["a", "b"], handler, { timeout: 5000 }), true],
    ["a record of handlers", (want, handler) => want({ a: handler, b: handler }), true],
    [
      "a record of handlers and undefined options",
      (want, handler) => want({ a: handler, b: handler }, undefined),
      true,
    ],
    [
      "a Map of handlers and undefined options",
      (want, handler) => want(new Map([["a", handler]]).set("b", handler), undefined),
      true,
    ],
    ["a Map of handlers", (want, handler) => want(new Map([["a", handler]]).set("b", handler), {}), true],
    [
      "pairs of bytes and handlers",
      (want, handler) =>
        want([
          [bytes("a"), handler],
          [bytes("b"), handler],
        ]),
      true,
    ],
  ];

  test.each(forms)("subscribe takes %s", async (_, subscribe, handled) => {
    const consumer = await bench.consumer();
    const seen: Message[] = [];
    const handler: Handler = (given) => seen.push(given);
    await subscribe(consumer.subscribe.bind(consumer), handler);
    await bench.truth({ channels: ["a", "b"] });
    expect([...consumer.channels].map(([name, its]) => [name, its === handler])).toEqual([
      ["a", handled],
      ["b", handled],
    ]);
    await bench.publish("b", "1");
    if (handled) await eventually(() => expect(seen).toEqual([message("b", "1")]));
    else expect(await consumer.receive({ timeout: 5000 })).toEqual(message("b", "1"));
  });

  test.runIf(bench.patterns).each(forms)("psubscribe takes %s", async (_, subscribe, handled) => {
    const consumer = await bench.consumer();
    const seen: Message[] = [];
    const handler: Handler = (given) => seen.push(given);
    await subscribe(consumer.psubscribe.bind(consumer) as PubSub["subscribe"], handler);
    await bench.truth({ patterns: ["a", "b"] });
    await bench.publish("b", "1");
    if (handled) await eventually(() => expect(seen).toEqual([patternMessage("b", "b", "1")]));
    else expect(await consumer.receive({ timeout: 5000 })).toEqual(patternMessage("b", "b", "1"));
  });

  test("one name with a handler", async () => {
    const consumer = await bench.consumer();
    const seen: Message[] = [];
    await consumer.subscribe("a", (given) => seen.push(given));
    await consumer.subscribe("bb", (given) => seen.push(given), { timeout: 5000 });
    await bench.publish("a", "1");
    await bench.publish("bb", "2");
    await eventually(() => expect(seen).toEqual([message("a", "1"), message("bb", "2")]));
  });

  test.runIf(bench.patterns)("one name and one pattern with a handler", async () => {
    const consumer = await bench.consumer();
    const seen: Message[] = [];
    await consumer.subscribe("a", (given) => seen.push(given));
    await consumer.psubscribe("b*", (given) => seen.push(given), { timeout: 5000 });
    await bench.publish("a", "1");
    await bench.publish("bb", "2");
    await eventually(() => expect(seen).toEqual([message("a", "1"), patternMessage("b*", "bb", "2")]));
  });

  test.runIf(bench.patterns)("confirmations are messages with the server's counts, in order", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"] });
    await consumer.psubscribe("p*");
    await consumer.unsubscribe("a");
    await consumer.punsubscribe("p*");
    await consumer.unsubscribe();
    expect(await nextItems(consumer, 6)).toEqual([
      bench.confirmation("subscribe", "a", 1),
      bench.confirmation("subscribe", "b", 2),
      { type: "psubscribe", pattern: "p*", channel: "p*", data: 3 },
      bench.confirmation("unsubscribe", "a", 2),
      { type: "punsubscribe", pattern: "p*", channel: "p*", data: 1 },
      bench.confirmation("unsubscribe", "b", 0),
    ]);
  });

  test("confirmations of channels alone, in order", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"] });
    await consumer.subscribe("c");
    await consumer.unsubscribe("a");
    await consumer.unsubscribe("c", "b");
    expect(await nextItems(consumer, 6)).toEqual([
      bench.confirmation("subscribe", "a", 1),
      bench.confirmation("subscribe", "b", 2),
      bench.confirmation("subscribe", "c", 3),
      bench.confirmation("unsubscribe", "a", 2),
      bench.confirmation("unsubscribe", "c", 1),
      bench.confirmation("unsubscribe", "b", 0),
    ]);
  });

  test("messages and confirmations are plain objects", async () => {
    const consumer = await bench.consumer({ channels: "a", patterns: "a" });
    await bench.publish("a", "1");
    const items = await nextItems(consumer, bench.patterns ? 4 : 2);
    expect(items.every((item) => Object.getPrototypeOf(item) === Object.prototype)).toBe(true);
    expect(
      items.map((item) =>
        Object.keys(item ?? {})
          .sort()
          .join(),
      ),
    ).toEqual(new Array(items.length).fill("channel,data,pattern,type"));
  });

  test("ignoreSubscribeMessages leaves confirmations out", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await consumer.subscribe("b");
    await bench.publish("a", "1");
    await bench.publish("b", "2");
    const seen: unknown[] = [];
    for await (const item of consumer) {
      seen.push(item.data);
      if (item.data === "2") void consumer.unsubscribe();
    }
    expect(seen).toEqual(["1", "2"]);
  });

  test("a live name that is subscribed again is confirmed again, with the count unchanged", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"] });
    await nextItems(consumer, 2);
    await consumer.subscribe("a");
    expect(await leftOver(consumer)).toEqual([bench.confirmation("subscribe", "a", 2)]);
    expect(await bench.publish("a", "once")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toEqual(message("a", "once"));
  });

  test("a message right behind the subscribe arrives", async () => {
    const consumer = await bench.consumer();
    for (let round = 0; round < 50; round++) {
      await consumer.subscribe(`c${round}`);
      expect(await bench.publish(`c${round}`, "now")).toBe(1);
    }
    expect((await receiveMany(consumer, 50)).map(({ channel }) => channel)).toEqual(
      Array.from({ length: 50 }, (_, round) => `c${round}`),
    );
  });

  test.runIf(bench.patterns)("a message that a channel and three patterns match arrives four times", async () => {
    const consumer = await bench.consumer({ channels: "news.eu", patterns: ["news.*", "*.eu", "*"] });
    expect(await bench.publish("news.eu", "1")).toBe(4);
    const messages = await receiveMany(consumer, 4);
    expect(messages.map(({ type, pattern }) => `${type} ${pattern}`).sort()).toEqual(
      ["message null", "pmessage *", "pmessage *.eu", "pmessage news.*"].sort(),
    );
    expect(await leftOver(consumer)).toEqual([]);
  });

  test.runIf(bench.patterns)("the same name as a channel and as a pattern are two subscriptions", async () => {
    const consumer = await bench.consumer({ channels: "x*", patterns: "x*", ignoreSubscribeMessages: true });
    await bench.publish("x*", "1");
    expect((await receiveMany(consumer, 2)).map(({ type }) => type).sort()).toEqual(["message", "pmessage"]);
    await consumer.unsubscribe("x*");
    await bench.publish("x*", "2");
    expect(await consumer.receive({ timeout: 5000 })).toEqual(patternMessage("x*", "x*", "2"));
    expect([consumer.channels.size, consumer.patterns.size]).toEqual([0, 1]);
  });

  test.runIf(bench.patterns)("channels and patterns show what is wanted, live and read-only", async () => {
    const consumer = await bench.consumer();
    const { channels, patterns } = consumer;
    const handler = (): void => {};
    const pending = Promise.all([consumer.subscribe("a", handler), consumer.psubscribe("p*")]);
    expect([channels.get("a"), patterns.get("p*"), consumer.subscribed]).toEqual([handler, null, true]);
    await pending;
    expect([channels.has("b"), channels.get("b"), channels.size]).toEqual([false, undefined, 1]);
    const gone = consumer.unsubscribe("a");
    expect([channels.has("a"), [...channels.keys()], consumer.subscribed]).toEqual([false, [], true]);
    await Promise.all([gone, consumer.punsubscribe()]);
    expect([patterns.size, consumer.subscribed]).toEqual([0, false]);
    expect("set" in channels || "delete" in channels || "clear" in channels).toBe(false);
  });

  test("a thousand and one names in one call are all confirmed", async () => {
    const names = Array.from({ length: 2001 }, (_, n) => `c${n}`);
    const consumer = await bench.consumer({ channels: names });
    expect(await bench.publish("c2000", "1")).toBe(1);
    const items = await nextItems(consumer, 2002);
    expect(items.slice(0, 2001).map((item) => item?.data)).toEqual(names.map((_, n) => n + 1));
    expect(items.at(-1)).toEqual(message("c2000", "1"));
  });

  test("several consumers of one client each get every message over connections of their own", async () => {
    const client = bench.client();
    const consumers = await Promise.all([1, 2, 3].map(() => client.pubsub({ channels: "a" })));
    expect(consumers.every((consumer) => consumer instanceof bench.Class)).toBe(true);
    expect(await bench.publish("a", "1")).toBe(3);
    for (const consumer of consumers) expect(await consumer.receive({ timeout: 5000 })).toEqual(message("a", "1"));
    await bench.truth({ channels: ["a"], subscribers: 3 });
  });
});
