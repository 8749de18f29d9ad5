import { inspect } from "node:util";
import { bytes, type Codec, CodecError, json, utf8 } from "tidings";
import { expect, test } from "vitest";
import { z } from "zod";
import { eventually } from "../../support/eventually.ts";
import { onTestingToo, PATIENCE, receiveMany } from "./fixtures.ts";

const price = z.object({ symbol: z.string(), price: z.coerce.number() });

/** Dates as text. */
const dates: Codec<Date> = {
  decode: (payload) => {
    const date = new Date(payload.toString());
    if (Number.isNaN(date.getTime())) throw new RangeError("no date");
    return date;
  },
  encode: (value) => value.toISOString(),
};

const binary = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0d, 0x0a, 0x80]);

onTestingToo("codecs", (bench) => {
  test("the default is text, with U+FFFD for what is not UTF-8", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    for (const payload of ["", "plain", "grüße 🦊", binary]) await bench.publish("a", payload);
    const messages = await receiveMany(consumer, 4);
    expect(messages.map(({ data }) => data)).toEqual(["", "plain", "grüße 🦊", binary.toString()]);
    expect(messages.at(-1)?.data).toContain("\u{FFFD}");
  });

  test("bytes gives Buffers, byte for byte", async () => {
    const consumer = await bench.consumer({ channels: "a", patterns: "a", codec: bytes });
    for (const payload of ["", "plain", "grüße", binary]) await bench.publish("a", payload);
    const copies = bench.patterns ? 2 : 1;
    const messages = await receiveMany(consumer, 4 * copies);
    expect(messages.every(({ data }) => Buffer.isBuffer(data))).toBe(true);
    expect(messages.map(({ data }) => data.toString("hex"))).toEqual(
      ["", "plain", "grüße", binary].flatMap((payload) => {
        return new Array<string>(copies).fill(Buffer.from(payload).toString("hex"));
      }),
    );
  });

  test("json gives values", async () => {
    const consumer = await bench.consumer({ channels: "a", codec: json<{ n: number }>() });
    await bench.publish("a", '{"n":1,"text":"ü"}');
    const { data } = await consumer.receive({ timeout: PATIENCE });
    expect(data.n).toBe(1);
    expect(data).toEqual({ n: 1, text: "ü" });
  });

  test("json with a schema gives what the schema puts out", async () => {
    const consumer = await bench.consumer({ channels: "a", codec: json(price) });
    await bench.publish("a", '{"symbol":"X","price":"1.5","more":true}');
    const { data } = await consumer.receive({ timeout: PATIENCE });
    expect(data).toEqual({ symbol: "X", price: 1.5 });
    expect(data.price.toFixed(2)).toBe("1.50");
  });

  test("a codec of one's own, with handlers too", async () => {
    const seen: Date[] = [];
    const consumer = await bench.consumer({
      channels: "a",
      codec: dates,
      channelHandlers: { h: ({ data }) => seen.push(data) },
      patternHandlers: { "h*": ({ data }) => seen.push(data) },
    });
    await bench.publish("h", "2020-01-02");
    await bench.publish("a", "2020-01-01");
    expect((await consumer.receive({ timeout: PATIENCE })).data.getUTCFullYear()).toBe(2020);
    expect(seen).toEqual(new Array(bench.patterns ? 2 : 1).fill(new Date("2020-01-02")));
  });

  test("the client's codec is the default of its consumers, and encodes what is published", async () => {
    const client = bench.client({ codec: json(price) });
    const consumer = await client.pubsub({ channels: "a" });
    const text = await client.pubsub({ channels: "a", codec: utf8 });
    expect(await client.publish("a", { symbol: "Y", price: 2 })).toBe(2);
    expect((await consumer.receive({ timeout: PATIENCE })).data.price).toBe(2);
    expect((await text.receive({ timeout: PATIENCE })).data).toBe('{"symbol":"Y","price":2}');
    expect(await client.publish("a", Buffer.from('{"symbol":"Z","price":"3"}'))).toBe(2);
    expect((await consumer.receive({ timeout: PATIENCE })).data).toEqual({ symbol: "Z", price: 3 });
  });

  test("consumers of one client may have codecs of their own", async () => {
    const client = bench.client({ codec: bytes });
    const [raw, parsed] = [
      await client.pubsub({ channels: "a" }),
      await client.pubsub({ channels: "a", codec: json() }),
    ];
    await bench.publish("a", "[1]");
    expect((await raw.receive({ timeout: PATIENCE })).data).toEqual(Buffer.from("[1]"));
    expect((await parsed.receive({ timeout: PATIENCE })).data).toEqual([1]);
  });

  test("a refused payload is an error for those who listen, and the next message comes", async () => {
    const errors: Error[] = [];
    const consumer = await bench.consumer({
      channels: "a",
      patterns: "a*",
      channelHandlers: { h: () => {} },
      codec: json(price),
    });
    consumer.on("error", (error) => errors.push(error));
    await bench.publish("a", "{ secret");
    await bench.publish("h", '{"symbol":"secret"}');
    await bench.publish("a", '{"symbol":"X","price":1}');
    const twice = bench.patterns ? ["a", "a"] : ["a"];
    const messages = await receiveMany(consumer, twice.length);
    expect(messages.map(({ data }) => data.symbol)).toEqual(twice.map(() => "X"));
    expect(errors.map((error) => (error instanceof CodecError ? error.channel : error))).toEqual([...twice, "h"]);
    const [error] = errors as CodecError[];
    expect(error).toMatchObject({ code: "CODEC" });
    expect(error?.raw).toEqual(Buffer.from("{ secret"));
    expect(Object.keys(error ?? {})).not.toContain("raw");
    expect(`${error?.message} ${inspect(error)} ${JSON.stringify(error)}`).not.toContain("secret");
    expect(error?.cause).toBeInstanceOf(Error);
  });

  test("a refused payload leaves no null behind, and nobody who listens means nobody is told", async () => {
    const consumer = await bench.consumer({
      channels: "a",
      channelHandlers: { h: () => {} },
      codec: dates,
      ignoreSubscribeMessages: true,
    });
    const waiting = consumer.receive({ timeout: PATIENCE });
    await bench.publish("a", "never");
    await bench.publish("h", "never");
    await bench.publish("a", "2020-01-01");
    expect((await waiting).data).toEqual(new Date("2020-01-01"));
    expect(await consumer.getMessage({ timeout: 0 })).toBe(null);
    expect(consumer.state).toBe("live");
  });

  test("a codec that throws for every other payload keeps the order of the rest", async () => {
    const odd: Codec<number> = {
      decode: (payload) => {
        const n = Number(payload.toString());
        if (n % 2 === 0) throw new Error("even");
        return n;
      },
      encode: String,
    };
    const client = bench.client({ codec: odd });
    const consumer = await client.pubsub({ channels: "a" });
    let refused = 0;
    consumer.on("error", () => refused++);
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.publish("a", n)));
    expect((await receiveMany(consumer, 50)).map(({ data }) => data)).toEqual(
      Array.from({ length: 50 }, (_, n) => 2 * n + 1),
    );
    await eventually(() => expect(refused).toBe(50));
  });

  test("the buffers that codecs and readers get are theirs to keep", async () => {
    const consumer = await bench.consumer({ channels: "a", codec: bytes });
    const client = bench.client({ codec: bytes });
    await Promise.all(Array.from({ length: 500 }, (_, n) => client.publish("a", Buffer.alloc(200, n % 251))));
    const messages = await receiveMany(consumer, 500);
    await Promise.all(Array.from({ length: 500 }, () => client.publish("a", Buffer.alloc(200, 255))));
    await receiveMany(consumer, 500);
    expect(messages.every(({ data }, n) => data.equals(Buffer.alloc(200, n % 251)))).toBe(true);
  });
});
