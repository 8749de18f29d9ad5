import { describe, expect, test } from "vitest";
import { bulk, push } from "../../support/resp-writer.ts";
import { Recorder } from "./recorder.ts";

const MiB = 1024 * 1024;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const message = (channel: string | Uint8Array, payload: string | Uint8Array) =>
  push([bulk("message"), bulk(channel), bulk(payload)]);

const units: [string, string | Uint8Array][] = [
  ["ASCII", "0123456789abcdef"],
  ["text that is not ASCII", "aé日🎉"],
  ["bytes that are not UTF-8", Buffer.from([0x61, 0xff, 0xc3, 0xf0, 0x9f, 0x80])],
];

describe("payloads around the sizes of blocks", () => {
  const around = [0, 1, 1024, 4096, 65_536, MiB].flatMap((size) => [size - 1, size, size + 1]).filter((n) => n >= 0);
  // Frames, not payloads, that are exactly as long as a block.
  const lengths = [...around, ...[1024, 4096, 65_536].flatMap((size) => [size - 40, size - 39, size - 38, size - 37])];

  test.each(units)("of %s", (_what, unit) => {
    for (const sizes of [undefined, [65_536], [1000, 65_536, 17]]) {
      const recorder = new Recorder();
      for (const length of lengths) {
        const payload = Buffer.alloc(length, unit);
        recorder.feed(Buffer.concat([message("chan", payload), message("next", "tail")]), sizes);
        const [published, next] = recorder.published.splice(0);
        expect(published?.bytes.equals(payload)).toBe(true);
        expect(published?.text === utf8.decode(payload)).toBe(true);
        expect(next).toMatchObject({ channel: "next", text: "tail" });
      }
    }
  });
});

test.each([
  ["message", message("news", "payload")],
  ["pmessage", push([bulk("pmessage"), bulk("n*"), bulk("news"), bulk("payload")])],
])("a %s is whole wherever in it the window's memory ends", (_kind, frame) => {
  const size = 65_536;
  for (let before = 0; before <= frame.length; before++) {
    const filler = bulk(Buffer.alloc(size - before - "$65536\r\n\r\n".length, "x"));
    const recorder = new Recorder().feed(Buffer.concat([filler, frame, frame]));
    expect(filler.length).toBe(size - before);
    expect(recorder.published.map(({ text }) => text)).toEqual(["payload", "payload"]);
  }
});

describe("streams", () => {
  const texts = (payloads: readonly (string | Uint8Array)[], sizes?: number[]) =>
    new Recorder()
      .feed(Buffer.concat(payloads.map((payload, i) => message(`channel-${i}`, payload))), sizes)
      .published.map(({ channel, text, bytes }) => `${channel} ${text} ${bytes.toString("hex")}`);
  const expected = (payloads: readonly (string | Uint8Array)[]) =>
    payloads.map(
      (payload, i) => `channel-${i} ${utf8.decode(Buffer.from(payload))} ${Buffer.from(payload).toString("hex")}`,
    );

  test.each([
    ["all ASCII", (i: number) => "x".repeat(i % 200)],
    ["none ASCII", (i: number) => "é".repeat(i % 100)],
    ["one in ten not ASCII", (i: number) => (i % 10 === 0 ? "日" : "x").repeat(i % 150)],
    ["one in a thousand not ASCII", (i: number) => (i % 1000 === 500 ? "🎉" : "plain text")],
    ["first ASCII, then not", (i: number) => (i < 1000 ? "plain" : "ünplain")],
    ["first not ASCII, then ASCII", (i: number) => (i < 1000 ? "ünplain" : "plain")],
    ["small and large by turns", (i: number) => (i % 2 === 0 ? "é" : "a").repeat(i % 7 === 0 ? 3000 : 5)],
    ["not UTF-8", (i: number) => Buffer.from([i & 255, (i * 7) & 255, 0xc3, i & 127])],
  ])("%s", (_what, payloadOf) => {
    const payloads = Array.from({ length: 2000 }, (_, i) => payloadOf(i));
    for (const sizes of [undefined, [65_536], [1460], [4096, 100, 9]]) {
      // toEqual takes long over so many.
      const [seen, wanted] = [texts(payloads, sizes), expected(payloads)];
      if (JSON.stringify(seen) !== JSON.stringify(wanted)) expect(seen).toEqual(wanted);
    }
  });

  test("characters cut in two between payloads stay in their own payload", () => {
    const halves = Array.from({ length: 100 }, () => [Buffer.from([0xc3]), Buffer.from([0xa9])]).flat();
    expect(texts(halves)).toEqual(expected(halves));
  });

  test("a byte order mark is part of the text", () => {
    expect(texts(["\ufeffmarked", "plain"])).toEqual(expected(["\ufeffmarked", "plain"]));
  });
});

test("a message whose channel is a large ASCII name and one whose payload is not ASCII agree with their bytes", () => {
  const channel = Buffer.alloc(3000, "name.");
  const [published] = new Recorder().feed(message(channel, "é")).published;
  expect(published).toMatchObject({ channel: channel.toString(), text: "é", path: "hot" });
});

test("nearly every message of a steady stream is read by hand, however its chunks are cut", () => {
  const stream = Buffer.concat(Array.from({ length: 2000 }, () => message("news", "x".repeat(64))));
  const chunks = Math.ceil(stream.length / 1460);
  const { published } = new Recorder().feed(stream, [1460]);
  const general = published.filter(({ path }) => path === "general");
  expect(published).toHaveLength(2000);
  expect(general.length).toBeLessThan(chunks);
});
