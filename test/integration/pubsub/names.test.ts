import type { Message } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { message, nextItems, onTestingToo, PATIENCE, receiveMany } from "./fixtures.ts";

/** Names that somebody got wrong once. */
const names = [
  "",
  " ",
  "two words",
  "line\nbreak",
  "carriage\r\nreturn",
  "a|b",
  "null\0byte",
  "$6\r\nfoobar\r\n",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "subscribe",
  "message",
  "1",
  "-1",
  "grüße",
  "ключ",
  "频道",
  "🦊 fox",
  "e\u0301",
  "\u00e9",
  "x".repeat(70_000),
];

/** Not UTF-8, each; the first two are the same text once decoded. */
const invalid = [[0xff], [0xfe], [0xc3, 0x28], [0x80, 0x0d, 0x0a], [0xed, 0xa0, 0x80]].map((octets) =>
  Buffer.from(octets),
);

onTestingToo("names", (bench) => {
  test.each(names.map((name) => [JSON.stringify(name.slice(0, 30)), name]))(
    "the channel %s carries messages, to the queue and to a handler",
    async (_, name) => {
      const seen: Message[] = [];
      const consumer = await bench.consumer({ channels: name });
      await bench.publish(name, "1");
      expect(await nextItems(consumer, 2)).toEqual([bench.confirmation("subscribe", name, 1), message(name, "1")]);
      expect([consumer.channels.has(name), [...consumer.channels.keys()]]).toEqual([true, [name]]);
      await consumer.subscribe({ [name]: (given) => seen.push(given) });
      await bench.publish(name, "2");
      await eventually(() => expect(seen).toEqual([message(name, "2")]));
      await consumer.unsubscribe(name);
      await bench.truth({});
    },
  );

  test("all of them at once, none taken for another", async () => {
    const consumer = await bench.consumer({ channels: names, ignoreSubscribeMessages: true });
    expect([...consumer.channels.keys()]).toEqual(names);
    for (const name of names) expect(await bench.publish(name, `to ${name}`)).toBe(1);
    expect(await receiveMany(consumer, names.length)).toEqual(names.map((name) => message(name, `to ${name}`)));
    await bench.truth({ channels: names });
  });

  test.runIf(bench.patterns)("patterns of strange names match strange channels", async () => {
    const consumer = await bench.consumer({ patterns: ["__proto__*", "line\n*", "*|*", "🦊*"] });
    for (const channel of ["__proto__x", "line\nbreak", "a|b", "🦊 fox"]) {
      expect(await bench.publish(channel, channel)).toBe(1);
    }
    expect((await receiveMany(consumer, 4)).map(({ pattern, channel }) => [pattern, channel])).toEqual([
      ["__proto__*", "__proto__x"],
      ["line\n*", "line\nbreak"],
      ["*|*", "a|b"],
      ["🦊*", "🦊 fox"],
    ]);
  });

  test.runIf(bench.patterns)("the empty pattern is a pattern", async () => {
    const consumer = await bench.consumer({ patterns: "" });
    expect(await nextItems(consumer, 1)).toEqual([{ type: "psubscribe", pattern: "", channel: "", data: 1 }]);
    expect(await bench.publish("", "1")).toBe(1);
    expect(await consumer.receive({ timeout: PATIENCE })).toEqual({
      type: "pmessage",
      pattern: "",
      channel: "",
      data: "1",
    });
  });

  test("names that are not UTF-8 stay apart by their bytes", async () => {
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: invalid.map(
        (name) => [name, ({ data }: Message) => seen.push(`${name.toString("hex")} ${data}`)] as const,
      ),
      patterns: [Buffer.from([0xff, 0x2a])],
    });
    await bench.truth({ channels: invalid, patterns: [Buffer.from([0xff, 0x2a])] });
    expect(consumer.channels.size).toBe(invalid.length);
    for (const name of invalid) await bench.publish(name, name.toString("hex"));
    await eventually(() => expect(seen).toHaveLength(invalid.length));
    expect(seen).toEqual(invalid.map((name) => `${name.toString("hex")} ${name.toString("hex")}`));
    expect([...consumer.channels.keys()].slice(0, 2)).toEqual(["\u{FFFD}", "\u{FFFD}"]);
    const [first, second] = invalid as [Buffer, Buffer];
    await consumer.unsubscribe(first);
    await bench.truth({ channels: invalid.slice(1), patterns: [Buffer.from([0xff, 0x2a])] });
    expect(consumer.channels.size).toBe(invalid.length - 1);
    if (bench.patterns) expect(consumer.patterns.size).toBe(1);
    const byBytes = consumer.channels as ReadonlyMap<string | Uint8Array, unknown>;
    expect([byBytes.has(first), byBytes.has(second)]).toEqual([false, true]);
  });

  test('names: "bytes" makes channels and patterns Buffers everywhere', async () => {
    const seen: Message<string, Buffer>[] = [];
    const consumer = await bench.consumer({
      names: "bytes",
      channels: ["text", invalid[0] ?? ""],
      patterns: "p*",
      channelHandlers: { h: (given) => seen.push(given) },
    });
    const subscribed = ["text", invalid[0], "h", ...(bench.patterns ? ["p*"] : [])].map((name) =>
      Buffer.from(name ?? ""),
    );
    const items = await nextItems(consumer, subscribed.length);
    expect(items.map((item) => item?.channel)).toEqual(subscribed);
    expect(items.every((item) => Buffer.isBuffer(item?.channel))).toBe(true);
    expect(items.slice(0, 3).map((item) => item?.pattern)).toEqual([null, null, null]);
    if (bench.patterns) expect(items[3]?.pattern).toEqual(Buffer.from("p*"));
    await bench.publish("pé", "1");
    await bench.publish(invalid[0] ?? "", "2");
    await bench.publish("h", "3");
    const matched = { type: "pmessage", pattern: Buffer.from("p*"), channel: Buffer.from("pé"), data: "1" };
    expect(await receiveMany(consumer, bench.patterns ? 2 : 1)).toEqual([
      ...(bench.patterns ? [matched] : []),
      { type: "message", pattern: null, channel: invalid[0], data: "2" },
    ]);
    await eventually(() => expect(seen.map(({ channel }) => channel)).toEqual([Buffer.from("h")]));
    expect([...consumer.channels.keys()].every(Buffer.isBuffer)).toBe(true);
    expect(consumer.channels.has(Buffer.from("text"))).toBe(true);
    expect((consumer.channels as ReadonlyMap<unknown, unknown>).has("text")).toBe(true);
  });

  test('names: "bytes" of the client is the default of its consumers', async () => {
    const client = bench.client({ names: "bytes" });
    const [raw, text] = [await client.pubsub({ channels: "a" }), await client.pubsub({ channels: "a", names: "utf8" })];
    await client.publish("a", "1");
    expect((await raw.receive({ timeout: PATIENCE })).channel).toEqual(Buffer.from("a"));
    expect((await text.receive({ timeout: PATIENCE })).channel).toBe("a");
  });

  test("a name may be given as text and as bytes by turns", async () => {
    const consumer = await bench.consumer({ channels: ["grüße"] });
    const octets = new TextEncoder().encode("grüße");
    await consumer.subscribe(octets);
    expect(consumer.channels.size).toBe(1);
    await bench.truth({ channels: ["grüße"] });
    await consumer.unsubscribe(octets);
    expect(consumer.subscribed).toBe(false);
    await bench.truth({});
  });

  test("bytes that change after the call change nothing", async () => {
    const name = Buffer.from("before");
    const consumer = await bench.consumer();
    const subscribing = consumer.subscribe(name);
    name.write("AFTER!");
    await subscribing;
    await bench.truth({ channels: ["before"] });
    expect([...consumer.channels.keys()]).toEqual(["before"]);
  });

  test("a view into a larger buffer is the name, not the buffer", async () => {
    const large = new TextEncoder().encode("xxnamexx");
    const consumer = await bench.consumer({ channels: large.subarray(2, 6) });
    await bench.truth({ channels: ["name"] });
    expect(consumer.channels.has("name")).toBe(true);
  });
});
