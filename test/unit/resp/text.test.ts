import fc from "fast-check";
import "../../support/seeded.ts";
import { describe, expect, test } from "vitest";
import { TextReader } from "../../../src/resp/text.ts";

const parts = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 5000 }).map((length) => Buffer.alloc(length, "plain ")) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 }).map((length) => Buffer.alloc(length, "plain ")) },
    fc.constantFrom("é", "日本", "🎉", "mostly plain, naïvely", "я".repeat(700)).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  ),
  { minLength: 1, maxLength: 30 },
);

function readerOf(buffer: Buffer): TextReader {
  return new TextReader(buffer, new DataView(buffer.buffer, buffer.byteOffset, buffer.length));
}

describe("texts are what V8 makes of the bytes", () => {
  test("whatever lies beside them, and whichever are asked for", () => {
    const asked = fc.infiniteStream(fc.constantFrom("utf8", "latin1", "none"));
    fc.assert(
      fc.property(parts, asked, (pieces, ask) => {
        const buffer = Buffer.concat(pieces);
        const texts = readerOf(buffer);
        let from = 0;
        for (const piece of pieces) {
          const to = from + piece.length;
          const form = ask.next().value;
          if (form === "utf8") expect(texts.utf8(from, to, buffer.length)).toBe(piece.toString());
          if (form === "latin1") expect(texts.latin1(from, to, buffer.length)).toBe(piece.toString("latin1"));
          from = to;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("whichever byte of a text is not ASCII, and wherever what was received ends", () => {
    for (const length of [1, 31, 32, 33, 64, 100, 1279, 1280, 1281, 3583, 3584, 3585]) {
      const buffer = Buffer.alloc(length + 100, "x");
      for (const at of [0, 1, 15, 31, 32, 33, length - 1, length, length + 1].filter((one) => one < buffer.length)) {
        buffer[at] = 0xff;
        for (const end of [length, length + 1, length + 32, buffer.length]) {
          const texts = readerOf(buffer);
          expect(texts.utf8(0, length, end)).toBe(buffer.toString("utf8", 0, length));
          expect(texts.utf8(length, end, end)).toBe(buffer.toString("utf8", length, end));
        }
        buffer[at] = 0x78;
      }
    }
  });

  test("where more was received behind them since the last was read", () => {
    const buffer = Buffer.alloc(20_000, "plain text, ");
    const texts = readerOf(buffer);
    for (let from = 0; from < buffer.length; from += 100) {
      expect(texts.utf8(from, from + 100, Math.min(from + 110, buffer.length))).toBe(
        buffer.toString("utf8", from, from + 100),
      );
    }
  });

  test("where the same memory holds other bytes", () => {
    const buffer = Buffer.alloc(100, "x");
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    const texts = new TextReader(buffer, view);
    expect(texts.utf8(0, 50, 100)).toBe("x".repeat(50));
    buffer.fill("é");
    texts.reset(buffer, view);
    expect(texts.utf8(50, 100, 100)).toBe("é".repeat(25));
  });
});
