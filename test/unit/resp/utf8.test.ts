import fc from "fast-check";
import "../../support/seeded.ts";
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../src/resp/utf8.ts";

/** What V8 makes of it. */
function expectSame(bytes: Uint8Array): void {
  const buffer = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("behind")]);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  const [from, to] = [6, 6 + bytes.length];
  const [text, wanted] = [decodeUtf8(buffer, view, from, to), buffer.toString("utf8", from, to)];
  // An expect for each of 200,000 texts takes a second.
  if (text !== wanted) expect(text).toBe(wanted);
}

describe("text is what V8 makes of it", () => {
  test.each(["", "a", "é", "ÿ", "߿", "ࠀ", "€", "퟿", "", "�", "￿", "𐀀", "😀", "\u{10ffff}", "aé€😀".repeat(100)])(
    "%j",
    (text) => expectSame(Buffer.from(text)),
  );

  test.each([
    "80",
    "bf",
    "c0af",
    "c1bf",
    "c3",
    "c328",
    "e2",
    "e282",
    "e28228",
    "e080af",
    "eda080",
    "edbfbf",
    "f0",
    "f09f98",
    "f0808080",
    "f4908080",
    "f5808080",
    "ff",
    "61e28262",
  ])("invalid bytes %s", (hex) => expectSame(Buffer.from(hex, "hex")));

  test("of any length", () => {
    for (const length of [1, 340, 341, 342, 512, 1365, 1366, 4095, 4096, 4097, 5000]) {
      expectSame(Buffer.from("€".repeat(Math.ceil(length / 3))).subarray(0, length));
      expectSame(Buffer.alloc(length, "é"));
    }
  });

  test("every character there is, alone and behind ASCII of every length", () => {
    for (let point = 0; point <= 0x10ffff; point += 64) {
      const points = Array.from({ length: 64 }, (_, i) => point + i);
      const text = points.map((one) => String.fromCodePoint(one)).join("");
      expectSame(Buffer.from(text));
      expectSame(Buffer.from(`${"a".repeat((point / 64) % 17)}${text.slice(0, 8)}`));
    }
  });

  test("two bytes of any kind, and three that begin alike", () => {
    for (let first = 0x80; first < 0x100; first++) {
      for (let second = 0; second < 0x100; second++) {
        expectSame(Buffer.of(first, second));
        expectSame(Buffer.of(first, second, 0x80));
        expectSame(Buffer.of(first, second, 0xbf, 0x80, 0x61));
      }
    }
  });

  test("whatever the bytes are", () => {
    const text = fc.string({ unit: "binary", maxLength: 200 }).map((some) => Buffer.from(some));
    fc.assert(fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 60 })), expectSame), { numRuns: 5000 });
  });
});
