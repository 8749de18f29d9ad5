import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { Recorder } from "../unit/resp/recorder.ts";
import { encode, push, sizes, trace, tree } from "./frames.ts";

const values = fc.array(fc.oneof({ weight: 4, arbitrary: tree }, push), { minLength: 1, maxLength: 6 });

test("any stream of replies and pushes is read as it was sent, however it is cut", () => {
  fc.assert(
    fc.property(values, sizes, fc.boolean(), (sent, cuts, wantsText) => {
      const stream = Buffer.concat(sent.map(encode));
      const expected = sent.flatMap((value) => trace(value, wantsText));
      expect(new Recorder({ wantsText }).feed(stream).trace).toEqual(expected);
      expect(new Recorder({ wantsText }).feed(stream, cuts).trace).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
});

test("any reply is read one byte at a time", () => {
  fc.assert(
    fc.property(tree, (sent) => {
      expect(new Recorder().feed(encode(sent), [1]).trace).toEqual(trace(sent, true));
    }),
    { numRuns: 500 },
  );
});

test("a reply that is not all there is not handed over, and nothing is thrown", () => {
  fc.assert(
    fc.property(tree, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (sent, share) => {
      const frame = encode(sent);
      const { replies } = new Recorder().feed(frame.subarray(0, Math.floor(frame.length * share)));
      expect(replies).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
