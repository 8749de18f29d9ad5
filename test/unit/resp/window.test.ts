import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../../src/errors.ts";
import { Decoder } from "../../../src/resp/decoder.ts";
import type { Name, Payload } from "../../../src/resp/reply.ts";
import { Window } from "../../../src/resp/window.ts";
import { array, bulk, push } from "../../support/resp-writer.ts";
import { Recorder } from "./recorder.ts";

const USUAL = 64 * 1024;
const MiB = 1024 * 1024;

const message = (payload: string | Uint8Array) => push([bulk("message"), bulk("channel"), bulk(payload)]);

function write(window: Window, text: string): void {
  for (let at = 0; at < text.length; ) at += filled(window, text.slice(at));
}

function filled(window: Window, text: string): number {
  const count = window.space().write(text, "latin1");
  window.filled(count);
  return count;
}

describe("a window", () => {
  test("moves what is unfinished to the front, and reuses its memory", () => {
    const window = new Window(MiB);
    const { buffer } = window;
    write(window, "decoded, rest");
    window.start = 9;
    write(window, " and more");
    expect(window.buffer).toBe(buffer);
    expect(window.start).toBe(0);
    expect(window.name(0, window.end)).toBe("rest and more");
  });

  test("grows only when it is full, keeps its bytes, and shrinks when it is empty", () => {
    const window = new Window(MiB);
    const text = "0123456789".repeat(20_000);
    write(window, text);
    expect(window.name(0, window.end)).toBe(text);
    expect(window.buffer.length).toBeGreaterThanOrEqual(text.length);
    expect(window.buffer.length).toBeLessThan(4 * text.length);
    expect(window.view.byteLength).toBe(window.buffer.length);
    window.start = window.end;
    expect(window.space()).toHaveLength(USUAL);
    expect(window.view.buffer).toBe(window.buffer.buffer);
  });

  test("always has space, up to its limit", () => {
    const window = new Window(100_000);
    const pour = () => {
      for (;;) {
        expect(filled(window, "x".repeat(1000))).toBe(1000);
        expect(window.end).toBeLessThanOrEqual(100_000 + USUAL);
      }
    };
    expect(pour).toThrow(ProtocolError);
  });

  test("reads text behind bytes that are not ASCII, and in front of them", () => {
    const window = new Window(MiB);
    write(window, "ascii \xc3\xa9 ascii");
    expect(window.utf8(0, 6)).toBe("ascii ");
    expect([window.utf8(6, 8), window.name(6, 8)]).toEqual(["é", "\xc3\xa9"]);
    expect(window.utf8(8, 14)).toBe(" ascii");
  });
});

describe("an announced length costs nothing", () => {
  test.each([
    ["a bulk string", "$536870912\r\nabc"],
    ["a blob error", "!536870912\r\nabc"],
    ["an array", "*4194304\r\n:1\r\n"],
    ["a map", "%2097152\r\n:1\r\n"],
    ["a push", ">4194304\r\n:1\r\n"],
    ["a channel", ">3\r\n$7\r\nmessage\r\n$500000000\r\nabcdefgh"],
    ["a payload", ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$500000000\r\nabcdefgh"],
  ])("%s", (_what, text) => {
    const recorder = new Recorder();
    const before = process.memoryUsage().arrayBuffers;
    recorder.feed(Buffer.from(text), [10]);
    expect(recorder.trace).toEqual([]);
    expect(recorder.decoder.space().length).toBeLessThanOrEqual(USUAL);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MiB);
  });

  test("memory that a large message needed is given back", () => {
    const recorder = new Recorder().feed(message(Buffer.alloc(3 * MiB)), [50_000]);
    expect(recorder.published).toHaveLength(1);
    expect(recorder.decoder.space()).toHaveLength(USUAL);
  });
});

describe("what is kept pins little more than itself", () => {
  const lengths = [0, 1, 63, 1023, 1024, 1025, 4095, 4096, 4097, 65_535, 65_536, 65_537, MiB];

  test.each([
    ["published payloads", (body: Buffer) => message(body)],
    [
      "payloads with a leading zero in a length",
      (body: Buffer) => Buffer.concat([Buffer.from(">03\r\n"), message(body).subarray(4)]),
    ],
    ["bulk strings", (body: Buffer) => bulk(body)],
    ["bulk strings in arrays", (body: Buffer) => array([bulk(body)])],
  ])("%s", (_what, frame) => {
    const bodies = lengths.flatMap((length) => [length, 10, length]).map((length) => Buffer.alloc(length, "é"));
    const recorder = new Recorder({ wantsText: false });
    recorder.feed(Buffer.concat(bodies.map(frame)), [USUAL, 100, 3]);
    const kept = [...recorder.published.map(({ bytes }) => bytes), ...recorder.replies.flat()];
    expect(kept).toHaveLength(bodies.length);
    for (const [i, value] of kept.entries()) {
      if (!Buffer.isBuffer(value)) throw new Error("not a Buffer");
      expect(value.equals(bodies[i] ?? Buffer.of())).toBe(true);
      expect(value.buffer.byteLength).toBeLessThanOrEqual(value.length + 4096);
    }
  });

  test("Buffers do not change when more is received, nor when others are written to", () => {
    const recorder = new Recorder().feed(Buffer.concat([message("first"), message("second")]));
    recorder.published[0]?.bytes.fill(0);
    recorder.feed(Buffer.alloc(2 * USUAL, message("later")).subarray(0, message("later").length * 100));
    expect(recorder.published[1]?.bytes.toString()).toBe("second");
  });

  test("a short text of each chunk", () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage: () => void = runInNewContext("gc");
    const kept: string[] = [];
    const decoder = new Decoder({
      wantsText: true,
      smessage() {},
      pmessage() {},
      confirmation() {},
      push() {},
      reply() {},
      message: (_channel: Name, payload: Payload) => {
        const text = payload.text();
        if (text.startsWith("keep")) kept.push(text);
      },
    });
    const chunk = Buffer.concat([
      message("keep this text of some length"),
      ...Array.from({ length: 600 }, () => message("x".repeat(64))),
    ]);
    collectGarbage();
    const before = process.memoryUsage();
    for (let i = 0; i < 1000; i++) decoder.write(chunk);
    collectGarbage();
    const after = process.memoryUsage();
    expect(kept).toHaveLength(1000);
    // Chunks would be 60 MB.
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(1000 * 4096 + 2 * MiB);
  });
});
