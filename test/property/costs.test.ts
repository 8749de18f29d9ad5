import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../src/errors.ts";
import { Decoder } from "../../src/resp/decoder.ts";
import type { Receiver, Reply } from "../../src/resp/reply.ts";
import { bytesTouched } from "../fuzz/work.ts";
import { heapUsed } from "../support/leaks.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Takes what is there as consumers do, and keeps the last reply only. */
class Sink implements Receiver {
  wantsText = true;
  last: Reply = null;
  message = (_channel: string, payload: { text(): string }): void => void payload.text();
  smessage = this.message;
  pmessage = (_pattern: string, channel: string, payload: { text(): string }): void => this.message(channel, payload);
  confirmation(): void {}
  push(): void {}
  reply(value: Reply): void {
    this.last = value;
  }
}

/** Feeds the streams, each cut into pieces of one size. */
function feed(decoder: Decoder, streams: readonly Buffer[], size: number): void {
  for (const stream of streams) {
    for (let at = 0; at < stream.length; at += size) decoder.write(stream.subarray(at, at + size));
  }
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const message = (length: number, fill = "x"): string => `>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$${length}\r\n${fill.repeat(length)}\r\n`;

describe("The work for a stream", () => {
  /** Streams of about `n` bytes. */
  const shapes: Readonly<Record<string, (n: number) => string>> = {
    "one long line": (n) => `+${"x".repeat(n)}\r\n`,
    "one long string": (n) => `$${n}\r\n${"x".repeat(n)}\r\n`,
    "one long message": (n) => message(n),
    "one long message that is not ASCII": (n) => message(n, "\xff"),
    "short messages": (n) => message(20).repeat(n / 50),
    "short messages that are not ASCII": (n) => message(20, "\xff").repeat(n / 50),
    "messages by turns ASCII and not": (n) => (message(20) + message(20, "\xe9")).repeat(n / 100),
    confirmations: (n) => ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n".repeat(n / 35),
    "many elements": (n) => `*${n / 4}\r\n${":1\r\n".repeat(n / 4)}`,
    "many errors": (n) => "-ERR no\r\n".repeat(n / 9),
    "attributes before nothing": (n) => "|1\r\n+a\r\n+b\r\n".repeat(n / 12),
    "empty pushes": (n) => ">0\r\n".repeat(n / 4),
    "a number of many digits": (n) => `,${"9".repeat(n)}x`,
  };

  test.each(Object.keys(shapes))("grows with its length and the number of pieces alone: %s", (name) => {
    const shape = shapes[name] as (n: number) => string;
    const stream = bytes(shape(MIB));
    for (const size of [100, 16 * KIB]) {
      const touched = bytesTouched(() => {
        try {
          feed(new Decoder(new Sink()), [stream], size);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      });
      // A piece may cost a look through the memory that is read into, which is of one size.
      expect(touched).toBeLessThanOrEqual(8 * stream.length + (stream.length / size) * 64 * KIB);
    }
  });

  test("does not depend on what came before it, however large", () => {
    const line = [bytes("+"), bytes("x".repeat(50)), bytes("\r\n")];
    const work = (large: number) => {
      const decoder = new Decoder(new Sink());
      feed(decoder, [bytes(`$${large}\r\n${"y".repeat(large)}\r\n+`)], large);
      return bytesTouched(() => feed(decoder, line, 1));
    };
    expect(work(32 * MIB)).toBeLessThan(2 * work(10) + MIB);
  });
});

describe("The time for a set or map", () => {
  /** Microseconds of this process's time that a stream takes, refused or not. */
  const time = (stream: Buffer): number => {
    const begin = process.cpuUsage();
    try {
      new Decoder(new Sink()).write(stream);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
    }
    return process.cpuUsage(begin).user;
  };

  test.each(["~", "%"])("does not depend on its keys: %s", (kind) => {
    const COUNT = 20_000;
    // The engine hashes the lowest 64 bits of a number and no more, and without a secret.
    const stream = (key: (i: bigint) => bigint) =>
      bytes(`${kind}${COUNT}\r\n${Array.from({ length: COUNT }, (_, i) => `(${key(BigInt(i))}\r\n${kind === "%" ? ":1\r\n" : ""}`).join("")}`);
    const usual = time(stream((i) => (1n << 64n) + i));
    expect(time(stream((i) => i << 64n))).toBeLessThan(20 * usual + 200_000);
  });
});

describe("The memory that a server can make us hold", () => {
  test.each([
    "-\r\n",
    "-ERR no\r\n",
    "!3\r\nERR\r\n",
    "%0\r\n",
    "~0\r\n",
    "*0\r\n",
    "%1\r\n+\r\n+\r\n",
    "$0\r\n\r\n",
    "$1\r\na\r\n",
    "=4\r\ntxt:\r\n",
    "+\r\n",
    ":9007199254740993\r\n",
    "(1\r\n",
    ",0.1\r\n",
  ])("is below 256 bytes for each element of a reply: %j", async (element) => {
    const count = 20_000;
    for (const wantsText of [true, false]) {
      const sink = new Sink();
      sink.wantsText = wantsText;
      const decoder = new Decoder(sink);
      const before = await heapUsed();
      decoder.write(bytes(`*${count}\r\n${element.repeat(count)}`));
      const { length } = sink.last as Reply[];
      expect(length).toBe(count);
      expect(((await heapUsed()) - before) / count).toBeLessThan(256);
    }
  });

  test.each([
    ["messages", "\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n>3\r\n$7", ">3\r\n$7"],
    ["replies", "\r\n+", "+"],
  ])("is given back behind a large frame, though every read ends within one: %s", (_what, piece, first) => {
    const decoder = new Decoder(new Sink());
    decoder.write(bytes(message(8 * MIB) + first));
    for (let left = 100; left > 0; left--) decoder.write(bytes(piece));
    expect(decoder.space().buffer.byteLength).toBeLessThanOrEqual(256 * KIB);
  });

  test("does not grow with a length that is only announced", () => {
    for (const kind of ["$", "=", "!"]) {
      const decoder = new Decoder(new Sink());
      decoder.write(bytes(`${kind}536870912\r\nx`));
      expect(decoder.space().buffer.byteLength).toBeLessThanOrEqual(256 * KIB);
    }
  });
});
