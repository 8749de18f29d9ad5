import { describe, expect, test } from "vitest";
import { Recorder } from "./recorder.ts";

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

describe.each([
  [">", false],
  ["*", true],
])("a confirmation that begins with %s", (first, arrays) => {
  const frame = (kind: string, name: string, count: number): string =>
    `${first}3\r\n${bulk(kind)}${bulk(name)}:${count}\r\n`;
  /** The same, as only the general decoder reads it. */
  const padded = (kind: string, name: string, count: number): string =>
    `${first}03\r\n${bulk(kind)}${bulk(name)}:${count}\r\n`;
  const decode = (text: string, sizes?: number[]): Recorder =>
    new Recorder({ arrays }).feed(Buffer.from(text, "latin1"), sizes);

  test.each(["subscribe", "psubscribe", "ssubscribe"])("is read by hand, as by the general decoder: %s", (kind) => {
    for (const [name, count] of [
      ["news", 1],
      ["", 0],
      ["\xff\r\n$4", 123456],
      ["n".repeat(2000), 7],
    ] as const) {
      const recorder = decode(frame(kind, name, count));
      expect(recorder.confirmed).toBe(1);
      expect(recorder.trace).toEqual(decode(padded(kind, name, count)).trace);
    }
  });

  test.each(["unsubscribe", "punsubscribe", "sunsubscribe", "subscribf", "xsubscribe", "psubscribX"])(
    "of another kind is left to it: %s",
    (kind) => {
      const recorder = decode(frame(kind, "news", 1));
      expect([recorder.confirmed, recorder.trace.length]).toEqual([0, 1]);
    },
  );

  test("with a name or a count of another shape is left to it", () => {
    for (const rest of ["$-1\r\n:0\r\n", "_\r\n:0\r\n", "$4\r\nnews\r\n:-1\r\n", "$4\r\nnews\r\n$1\r\n1\r\n"]) {
      const recorder = decode(`${first}3\r\n${bulk("subscribe")}${rest}${frame("subscribe", "after", 2)}`);
      expect([recorder.confirmed, recorder.trace.length]).toEqual([1, 2]);
    }
  });

  test("comes whole, however it is cut", () => {
    const stream = ["subscribe", "psubscribe", "ssubscribe"].map((kind) => frame(kind, "channel", 10)).join("");
    const whole = decode(stream).trace;
    for (let size = 1; size < stream.length; size++) expect(decode(stream, [size, 3]).trace).toEqual(whole);
  });
});
