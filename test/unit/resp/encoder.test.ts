import { describe, expect, test } from "vitest";
import { Encoder } from "../../../src/resp/encoder.ts";

const LARGE = 16 * 1024;

function bytesOf(chunks: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk)));
}

function encoded(...args: (string | number | Uint8Array)[]): string {
  const encoder = new Encoder();
  encoder.command(args);
  return bytesOf(encoder.take()).toString("latin1");
}

describe("a command", () => {
  test.each([
    [["PING"], "*1\r\n$4\r\nPING\r\n"],
    [["SET", "k", ""], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"],
    [["GET", "a\r\nb"], "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n"],
    [["GET", "é"], "*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xa9\r\n"],
    [["GET", "日🎉"], "*2\r\n$3\r\nGET\r\n$7\r\n\xe6\x97\xa5\xf0\x9f\x8e\x89\r\n"],
    [["GET", "\ud800"], "*2\r\n$3\r\nGET\r\n$3\r\n\xef\xbf\xbd\r\n"],
    [["HELLO", 3], "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"],
    [["X", -1.5, 1e21, 0], "*4\r\n$1\r\nX\r\n$4\r\n-1.5\r\n$5\r\n1e+21\r\n$1\r\n0\r\n"],
    [["GET", Uint8Array.of(0, 255, 13, 10)], "*2\r\n$3\r\nGET\r\n$4\r\n\x00\xff\r\n\r\n"],
    [["GET", new Uint8Array()], "*2\r\n$3\r\nGET\r\n$0\r\n\r\n"],
    [["GET", Buffer.from("abcdef").subarray(2, 4)], "*2\r\n$3\r\nGET\r\n$2\r\ncd\r\n"],
  ])("%j is %j", (args, bytes) => {
    expect(encoded(...args)).toBe(bytes);
  });

  test.each([LARGE - 1, LARGE, LARGE + 1, 1_000_000])("of %i bytes is sent as they are", (length) => {
    const body = Buffer.alloc(length, Uint8Array.of(0, 128, 255, 13, 10));
    const expected = `*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n${body.toString("latin1")}\r\n$2\r\nNX\r\n`;
    expect(encoded("SET", "k", body, "NX") === expected).toBe(true);
    expect(encoded("SET", "k", new Uint8Array(body), "NX") === expected).toBe(true);
  });

  test("of a long text is sent as UTF-8", () => {
    const text = "é".repeat(LARGE);
    expect(encoded("SET", text)).toBe(`*2\r\n$3\r\nSET\r\n$${2 * LARGE}\r\n${"\xc3\xa9".repeat(LARGE)}\r\n`);
  });

  test.each([10, LARGE])("keeps %i bytes as they were at the call", (length) => {
    const encoder = new Encoder();
    const body = new Uint8Array(length).fill(1);
    encoder.command(["SET", body]);
    body.fill(2);
    expect(bytesOf(encoder.take()).includes(2)).toBe(false);
  });
});

describe("keys", () => {
  test("are sent one byte a char", () => {
    const encoder = new Encoder();
    encoder.keys("SUBSCRIBE", ["news", "\xc3\xa9", "", "\x00\xff"]);
    expect(encoder.take()).toEqual([
      "*5\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n$2\r\n\xc3\xa9\r\n$0\r\n\r\n$2\r\n\x00\xff\r\n",
    ]);
  });

  test("may be none", () => {
    const encoder = new Encoder();
    encoder.keys("UNSUBSCRIBE", []);
    expect(encoder.take()).toEqual(["*1\r\n$11\r\nUNSUBSCRIBE\r\n"]);
  });
});

describe("what waits", () => {
  test("is one text for small commands, and is taken once", () => {
    const encoder = new Encoder();
    expect(encoder.length).toBe(0);
    encoder.command(["A"]);
    encoder.keys("B", ["c"]);
    expect(encoder.length).toBe(11 + 18);
    expect(encoder.take()).toEqual(["*1\r\n$1\r\nA\r\n*2\r\n$1\r\nB\r\n$1\r\nc\r\n"]);
    expect(encoder.length).toBe(0);
    expect(encoder.take()).toEqual([]);
  });

  test("holds large arguments apart, in their place", () => {
    const encoder = new Encoder();
    const body = Buffer.alloc(LARGE, "x");
    encoder.command(["A", body, body]);
    encoder.command(["B"]);
    expect(encoder.length).toBeGreaterThan(0);
    expect(encoder.take()).toEqual([
      `*3\r\n$1\r\nA\r\n$${LARGE}\r\n`,
      body,
      `\r\n$${LARGE}\r\n`,
      body,
      "\r\n*1\r\n$1\r\nB\r\n",
    ]);
    expect(encoder.take()).toEqual([]);
  });
});
