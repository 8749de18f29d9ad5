import fc from "fast-check";
import "../../support/seeded.ts";
import { describe, expect, test } from "vitest";
import { RespError, RespPush, RespReader, type RespValue, text } from "../../support/resp-reader.ts";
import { array, bulk, command, error, integer, map, nothing, push, simple } from "../../support/resp-writer.ts";

function read(bytes: Buffer, size = bytes.length): RespValue[] {
  const reader = new RespReader();
  const values: RespValue[] = [];
  for (let offset = 0; offset < bytes.length; offset += size) {
    reader.feed(bytes.subarray(offset, offset + size));
    values.push(...reader.drain());
  }
  return values;
}

describe("the support's own RESP", () => {
  test.each([1, 2, 3, 7, 1000])("reads every shape in pieces of %i byte(s)", (size) => {
    const bytes = Buffer.concat([
      simple("OK"),
      error("NOPERM no"),
      integer(-5),
      bulk("a\r\nb"),
      bulk(null),
      nothing(),
      array([]),
      array([array([integer(1), array([])]), bulk("x")]),
      push([bulk("message"), bulk("news"), bulk("")]),
      map([[bulk("proto"), integer(3)]]),
      Buffer.from(
        "*-1\r\n,1.5\r\n,-inf\r\n#t\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n~1\r\n:1\r\n!5\r\nERR x\r\n",
      ),
      Buffer.from("PING twice\r\n"),
    ]);
    expect(read(bytes, size)).toEqual([
      "OK",
      new RespError("NOPERM no"),
      -5,
      Buffer.from("a\r\nb"),
      null,
      null,
      [],
      [[1, []], Buffer.from("x")],
      new RespPush([Buffer.from("message"), Buffer.from("news"), Buffer.from("")]),
      new Map([[Buffer.from("proto"), 3]]),
      null,
      1.5,
      Number.NEGATIVE_INFINITY,
      true,
      12345678901234567890n,
      "abc",
      [1],
      new RespError("ERR x"),
      [Buffer.from("PING"), Buffer.from("twice")],
    ]);
  });

  test("any command is read as it was written, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array(), { minLength: 1 }), fc.integer({ min: 1, max: 50 }), (words, size) => {
        expect(read(command(words), size)).toEqual([words.map((word) => Buffer.from(word))]);
      }),
    );
  });

  test("as text", () => {
    const [value] = read(map([[bulk("modules"), array([bulk("é"), nothing()])]]));
    expect(text(value ?? null)).toEqual(new Map([["modules", ["é", null]]]));
  });

  test("refuses a bulk string of a wrong length", () => {
    expect(() => read(Buffer.from("$3\r\nabcd\r\n"))).toThrow("does not end where it says");
  });
});
