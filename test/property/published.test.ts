import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { Recorder } from "../unit/resp/recorder.ts";
import {
  encode,
  encodePublication,
  type Publication,
  publication,
  push,
  sizes,
  trace,
  tracePublication,
  tree,
} from "./frames.ts";

const LONGEST = 5000;
const publications = fc.array(publication(LONGEST), { minLength: 1, maxLength: 12 });

/** What is sent besides published messages, with the lines it is to give. */
interface Sent {
  readonly bytes: Buffer;
  readonly lines: readonly string[];
}

const published =
  (first: ">" | "*") =>
  (message: Publication): Sent => ({
    bytes: encodePublication(message, first),
    lines: [tracePublication(message)],
  });

const mixed3: fc.Arbitrary<Sent[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: publication(LONGEST).map(published(">")) },
    fc.oneof(tree, push).map((value): Sent => ({ bytes: encode(value), lines: trace(value, true) })),
    fc.constant<Sent>({ bytes: Buffer.from(">0\r\n"), lines: [] }),
  ),
  { minLength: 1, maxLength: 12 },
);

const mixed2: fc.Arbitrary<Sent[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: publication(LONGEST).map(published("*")) },
    fc.constantFrom<Sent>(
      { bytes: Buffer.from("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), lines: ['reply [<"pong">, <"">]'] },
      { bytes: Buffer.from("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"), lines: ['reply [<"subscribe">, <"a">, 1]'] },
      { bytes: Buffer.from("-ERR no\r\n"), lines: ['reply error("ERR no")'] },
    ),
  ),
  { minLength: 1, maxLength: 12 },
);

const heard = (stream: Buffer, arrays: boolean, cuts?: number[]) => new Recorder({ arrays }).feed(stream, cuts);

test.each([
  ["RESP3, among replies and pushes", mixed3, false],
  ["RESP2, among what such a connection receives", mixed2, true],
])("published messages are read as they were sent, however the stream is cut: %s", (_protocol, mixed, arrays) => {
  fc.assert(
    fc.property(mixed, sizes, (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ bytes }) => bytes));
      const lines = sent.flatMap((one) => one.lines);
      expect(heard(stream, arrays).trace).toEqual(lines);
      expect(heard(stream, arrays, cuts).trace).toEqual(lines);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["RESP3", ">" as const],
  ["RESP2", "*" as const],
])("both decoders read the same: %s", (_protocol, first) => {
  fc.assert(
    fc.property(publications, sizes, (sent, cuts) => {
      const arrays = first === "*";
      const frames = (padded: boolean) =>
        Buffer.concat(sent.map((message) => encodePublication(message, first, padded)));
      const byHand = heard(frames(false), arrays);
      const general = heard(frames(true), arrays, cuts);
      expect(byHand.published.every(({ path }) => path === "hot")).toBe(true);
      expect(general.published.every(({ path }) => path === "general")).toBe(true);
      expect(byHand.trace).toEqual(sent.map(tracePublication));
      expect(general.trace).toEqual(byHand.trace);
    }),
    { numRuns: 500 },
  );
});

test("a kept Buffer pins at most 4 KiB beyond its own size", () => {
  fc.assert(
    fc.property(publications, fc.boolean(), sizes, (sent, padded, cuts) => {
      const stream = Buffer.concat(sent.map((message) => encodePublication(message, ">", padded)));
      for (const { bytes } of heard(stream, false, cuts).published) {
        expect(bytes.buffer.byteLength).toBeLessThanOrEqual(bytes.length + 4096);
      }
    }),
    { numRuns: 300 },
  );
});
