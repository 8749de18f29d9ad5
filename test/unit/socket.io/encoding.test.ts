import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../../src/socket.io/encoding.ts";
import "../../support/seeded.ts";

const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);
const { message } = fc.letrec((tie) => ({
  message: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("message"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constant("~"), fc.string({ maxLength: 3 })), tie("message"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}));

test("what is encoded is decoded as it was, with bytes wherever they are", () => {
  fc.assert(
    fc.property(message, (value) => {
      const sent = { type: 3, data: value };
      expect(decode(encode(sent))).toEqual(sent);
    }),
  );
});

test("a message without bytes is JSON, and views of other kinds are bytes", () => {
  expect(encode({ a: ["~", 1] }).toString()).toBe('{"a":["~",1]}');
  const { buffer } = new Uint8Array([1, 2, 3, 4]);
  const sent = { buffer, words: new Uint16Array(buffer, 2, 1) };
  expect(decode(encode(sent))).toEqual({ buffer: Buffer.from([1, 2, 3, 4]), words: Buffer.from([3, 4]) });
});

describe("what is no message", () => {
  const whole = encode({ a: Buffer.from("bytes") });
  test.each([
    ["no JSON", Buffer.from("{")],
    ["nothing", Buffer.alloc(0)],
    ["a zero byte alone", Buffer.of(0)],
    ["a length that is cut off", whole.subarray(0, 3)],
    ["a piece that is cut off", whole.subarray(0, whole.length - 1)],
  ])("%s is an error", (_what, payload) => {
    expect(() => decode(payload)).toThrow(Error);
  });

  test("a piece that is missing is null", () => {
    const json = Buffer.from('{"a":{"~":7}}');
    const length = Buffer.of(0, 0, 0, json.length);
    expect(decode(Buffer.concat([Buffer.of(0), length, json]))).toEqual({ a: null });
  });
});
