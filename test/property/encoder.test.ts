import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { latin1 } from "../../src/names.ts";
import { type Argument, Encoder } from "../../src/resp/encoder.ts";
import { RespReader, type RespValue } from "../support/resp-reader.ts";
import { binary } from "./frames.ts";

const LARGE = 16 * 1024;

const argument: fc.Arbitrary<Argument> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.integer(),
  binary(200),
  fc
    .tuple(fc.integer({ min: LARGE - 2, max: LARGE + 2 }), fc.nat(255))
    .map(([length, fill]) => Buffer.alloc(length, fill)),
);

/** What a server reads of this, one char per byte: equal strings are compared faster than equal Buffers. */
function read(chunks: readonly (string | Buffer)[]): unknown[] {
  const reader = new RespReader();
  for (const chunk of chunks) reader.feed(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk);
  return [...reader.drain()].map((command) => Array.isArray(command) && command.map(textOf));
}

const textOf = (value: RespValue): unknown => (Buffer.isBuffer(value) ? value.toString("latin1") : value);
const keyOf = (value: Argument): string => latin1(typeof value === "number" ? String(value) : value);

test("a server reads the commands that were given, in their order", () => {
  const command = fc.array(argument, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.array(command, { maxLength: 4 }), { maxLength: 4 }), (ticks) => {
      const encoder = new Encoder();
      for (const commands of ticks) {
        for (const args of commands) encoder.command(args);
        expect(encoder.length > 0).toBe(commands.length > 0);
        expect(read(encoder.take())).toEqual(commands.map((args) => args.map(keyOf)));
        expect(encoder.length).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});

test("a server reads the names whose keys were given", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(binary(100), fc.string({ unit: "binary" }))), (names) => {
      const encoder = new Encoder();
      encoder.keys("SUBSCRIBE", names.map(latin1));
      expect(read(encoder.take())).toEqual([["SUBSCRIBE", ...names.map(keyOf)]]);
    }),
    { numRuns: 500 },
  );
});
