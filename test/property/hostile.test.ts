import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { ProtocolError } from "../../src/errors.ts";
import { Recorder, type RecorderOptions } from "../unit/resp/recorder.ts";
import { encode, encodePublication, publication, push, sizes, tree } from "./frames.ts";
import { fuzz, fuzzTimeout } from "./fuzz.ts";

const USUAL = 64 * 1024;

/** What became of a stream: all that was handed over, and whether it was refused. */
interface Outcome {
  readonly trace: readonly string[];
  readonly refused: boolean;
}

/** Any error but a ProtocolError falls through and fails the test. */
function outcome(stream: Buffer, options: RecorderOptions, cuts?: number[]): Outcome {
  const recorder = new Recorder(options);
  try {
    recorder.feed(stream, cuts);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { trace: recorder.trace, refused: true };
  }
  // What waits for its rest takes no more memory than was sent.
  expect(recorder.decoder.space().length).toBeLessThanOrEqual(USUAL + 2 * stream.length);
  return { trace: recorder.trace, refused: false };
}

/** However a stream is cut, it decodes to the same and is refused or not alike. */
function holds(stream: Buffer, options: RecorderOptions, cuts: number[]): void {
  const whole = outcome(stream, options);
  expect(outcome(stream, options, cuts)).toEqual(whole);
  expect(outcome(stream, options, [1])).toEqual(whole);
}

/** The usual limits, or ones that short streams reach. */
const options: fc.Arbitrary<RecorderOptions> = fc.record({
  arrays: fc.boolean(),
  wantsText: fc.boolean(),
  limits: fc.constantFrom({}, { depth: 3, bulk: 40, elements: 12, line: 24, frame: 200 }),
});

const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

/** Pieces of the protocol in any order: far more of these get past the first byte. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(..."+-:,#(_$=!*%~>|?".split("")),
      fc.constantFrom(
        "\r\n",
        "\r\n",
        "\r\n",
        "\r",
        "\n",
        "0",
        "1",
        "2",
        "3",
        "4",
        "7",
        "8",
        "-1",
        "?",
        "00",
        "999999999",
      ),
      fc.constantFrom(
        "message",
        "smessage",
        "pmessage",
        "t",
        "f",
        "inf",
        "nan",
        "txt:",
        "x",
        "e5",
        ".",
        "\xff",
        "\xc3\xa9",
      ),
      fc.constantFrom(
        ">3\r\n$7\r\nmessage\r\n",
        ">3\r\n$8\r\nsmessage\r\n",
        ">4\r\n$8\r\npmessage\r\n",
        "*3\r\n$7\r\nmessage\r\n",
      ),
      fc.constantFrom("$1\r\na\r\n", "$0\r\n\r\n", ":1\r\n", "*0\r\n", ">0\r\n", "|1\r\n", "%1\r\n", "*1\r\n", "_\r\n"),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.from(parts.join(""), "latin1"));

const valid = fc
  .array(
    fc.oneof(
      tree.map(encode),
      push.map(encode),
      publication(200).map((message) => encodePublication(message, ">")),
      publication(200).map((message) => encodePublication(message, "*")),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((frames) => Buffer.concat(frames));

/** A few bytes changed, taken out, put in or doubled. */
const changes = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    remove: fc.nat(3),
    insert: fc.oneof(
      fc.constantFrom("", "0", "9", "-", "\r", "\n", "\r\n", "$", "*", ">", "|", "?").map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

const mutated = fc.tuple(valid, changes).map(([stream, edits]) =>
  edits.reduce((bytes, { at, remove, insert }) => {
    const position = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, position), insert, bytes.subarray(position + remove)]);
  }, stream),
);

test.each([
  ["noise", noise, 5000],
  ["pieces of the protocol in any order", pieces, 8000],
  ["a valid stream with a few bytes changed", mutated, 2500],
])("%s decodes or is a ProtocolError, however it is cut", { timeout: fuzzTimeout }, async (what, streams, runs) => {
  await fuzz(what, fc.tuple(streams, options, sizes), ([stream, given, cuts]) => holds(stream, given, cuts), { runs });
});

test("a stream that ends anywhere is neither refused nor makes anything up", () => {
  fc.assert(
    fc.property(valid, fc.double({ min: 0, max: 1, noNaN: true }), (stream, share) => {
      const whole = outcome(stream, {});
      const part = outcome(stream.subarray(0, Math.floor(stream.length * share)), {});
      expect(part.refused).toBe(false);
      expect(whole.trace.slice(0, part.trace.length)).toEqual(part.trace);
    }),
    { numRuns: 1000 },
  );
});

test("random bytes without end are refused before much is held", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
      const recorder = new Recorder({ limits: { bulk: 100_000, frame: 200_000, elements: 1000 } });
      const chunk = Buffer.alloc(10_000, bytes);
      let refused = false;
      for (let round = 0; round < 40 && !refused; round++) {
        try {
          recorder.feed(chunk);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          refused = true;
        }
        if (!refused) expect(recorder.decoder.space().buffer.byteLength).toBeLessThanOrEqual(400_000 + USUAL);
      }
    }),
    { numRuns: 300 },
  );
});
