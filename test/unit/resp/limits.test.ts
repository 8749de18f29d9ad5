import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../../src/errors.ts";
import { Decoder } from "../../../src/resp/decoder.ts";
import { limits } from "../../../src/resp/limits.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { Recorder, replies } from "./recorder.ts";

const message = (channel: string, payload: string) =>
  `>3\r\n$7\r\nmessage\r\n$${channel.length}\r\n${channel}\r\n$${payload.length}\r\n${payload}\r\n`;

test("the usual limits are a server's own and then some, and cannot be changed", () => {
  expect(limits.bulk).toBe(512 * 1024 * 1024);
  expect(limits.frame).toBeGreaterThan(limits.bulk);
  expect(Object.isFrozen(limits)).toBe(true);
});

describe("depth", () => {
  test.each(["*1\r\n", "~1\r\n", "%1\r\n+k\r\n"])("%j may nest as deep as the limit and no deeper", (open) => {
    const read = (depth: number) => replies(`${open.repeat(depth)}:1\r\n`, { limits: { depth: 3 } });
    expect(read(3)).toHaveLength(1);
    expect(() => read(4)).toThrow(ProtocolError);
  });

  test("attributes and pushes count", () => {
    const read = (text: string) => replies(text, { limits: { depth: 2 } });
    expect(() => read("*1\r\n|1\r\n+k\r\n*1\r\n:1\r\n")).toThrow(ProtocolError);
    expect(() => read("*1\r\n>1\r\n*1\r\n:1\r\n")).toThrow(ProtocolError);
  });

  test("an empty aggregate is no level of its own", () => {
    expect(replies("*1\r\n*0\r\n", { limits: { depth: 1 } })).toEqual([[[]]]);
  });

  test.each(["*1\r\n", "~1\r\n", "|1\r\n+k\r\n", ">1\r\n", "%1\r\n+k\r\n"])("100,000 times %j is refused", (open) => {
    expect(() => replies(open.repeat(100_000))).toThrow(ProtocolError);
  });

  test("100,000 nested arrays do not overflow the stack where the limit lets them in", () => {
    const values: Reply[] = [];
    const receiver = {
      wantsText: true,
      reply: (value: Reply) => values.push(value),
      push() {},
      message() {},
      smessage() {},
      pmessage() {},
      confirmation() {},
    };
    const decoder = new Decoder(receiver, { ...limits, depth: 200_000 });
    decoder.write(Buffer.from(`${"*1\r\n".repeat(100_000)}:7\r\n`));
    let levels = 0;
    let [value] = values;
    for (; Array.isArray(value); value = value[0]) levels++;
    expect([levels, value]).toEqual([100_000, 7]);
  });
});

describe("bulk", () => {
  test.each([
    ["a bulk string", (body: string) => `$${body.length}\r\n${body}\r\n`],
    ["a blob error", (body: string) => `!${body.length}\r\n${body}\r\n`],
    ["a verbatim string", (body: string) => `=${body.length}\r\ntxt:${body.slice(4)}\r\n`],
    ["a bulk string in an array", (body: string) => `*1\r\n$${body.length}\r\n${body}\r\n`],
    ["a published payload", (body: string) => message("c", body)],
    ["a channel's name", (body: string) => message(body, "p")],
  ])("%s may be as long as the limit and no longer", (_what, frame) => {
    const read = (length: number) =>
      new Recorder({ limits: { bulk: 20 } }).feed(Buffer.from(frame("x".repeat(length)))).trace;
    expect(read(20)).toHaveLength(1);
    expect(() => read(21)).toThrow(ProtocolError);
  });

  test.each([
    "$21\r\n",
    "*2\r\n$999999999999\r\n",
    ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$21\r\n",
    ">3\r\n$7\r\nmessage\r\n$999999999\r\n",
    ">3\r\n$7\r\nmessage\r\n$1234567890\r\n",
  ])("%j is refused before its body arrives", (text) => {
    expect(() => replies(text, { limits: { bulk: 20 } })).toThrow(ProtocolError);
  });
});

describe("elements", () => {
  test.each([
    ["of one array", "*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", "*6\r\n"],
    ["of nested arrays together", "*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n:3\r\n", "*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n"],
    ["of a map, keys and values", "%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "%3\r\n"],
    ["of an attribute and its reply", "|1\r\n:1\r\n:2\r\n*3\r\n:1\r\n:2\r\n:3\r\n", "|1\r\n:1\r\n:2\r\n*4\r\n"],
    ["of a push inside an array", "*1\r\n>4\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", "*1\r\n>5\r\n"],
  ])("%s are counted", (_what, fits, exceeds) => {
    expect(replies(fits, { limits: { elements: 5 } })).toHaveLength(1);
    expect(() => replies(exceeds, { limits: { elements: 5 } })).toThrow(ProtocolError);
  });

  test("a count whose double is still larger is refused", () => {
    expect(() => replies("%999999999999999\r\n")).toThrow(ProtocolError);
    expect(() => replies("*999999999999999\r\n")).toThrow(ProtocolError);
  });
});

describe("line", () => {
  test("may be as long as the limit and no longer, its end arrived or not", () => {
    const read = (text: string) => replies(text, { limits: { line: 20 } });
    expect(read(`+${"x".repeat(18)}\r\n`)).toEqual(["x".repeat(18)]);
    expect(() => read(`+${"x".repeat(19)}\r\n`)).toThrow(ProtocolError);
    expect(() => read("x".repeat(21))).toThrow(ProtocolError);
    expect(() => read(`$${"0".repeat(30)}`)).toThrow(ProtocolError);
  });

  test("is found in time by a decoder that is fed byte by byte", () => {
    const heard = new Recorder({ limits: { line: 20 } });
    expect(heard.feed(Buffer.from(`+${"x".repeat(19)}`), [1]).trace).toEqual([]);
    expect(() => heard.feed(Buffer.from("x"))).toThrow(ProtocolError);
  });

  test("says nothing about bulk strings", () => {
    expect(replies(`$30\r\n${"x".repeat(30)}\r\n`, { limits: { line: 20 } })).toEqual(["x".repeat(30)]);
  });
});

describe("frame", () => {
  test("all that a frame nests counts towards it", () => {
    const read = (items: number) =>
      replies(`*${items}\r\n${"$4\r\nabcd\r\n".repeat(items)}`, { limits: { frame: 104 } });
    expect(read(9)).toHaveLength(1);
    expect(() => read(10)).toThrow(ProtocolError);
  });

  test("a frame too large is refused before it is all there", () => {
    const heard = new Recorder({ limits: { frame: 100_000 } });
    const piece = Buffer.alloc(10_000, "x");
    heard.feed(Buffer.from("$400000\r\n"));
    let pieces = 0;
    const pour = () => {
      for (; pieces < 40; pieces++) heard.feed(piece);
    };
    expect(pour).toThrow(ProtocolError);
    expect(pieces * piece.length).toBeLessThan(200_000);
  });
});

test("limits hold for each frame anew", () => {
  const frame = "|1\r\n+k\r\n+v\r\n*2\r\n$2\r\nab\r\n>1\r\n:1\r\n:1\r\n";
  const heard = new Recorder({ limits: { depth: 2, bulk: 2, elements: 5, line: 10, frame: frame.length } });
  heard.feed(Buffer.from(frame.repeat(100)), [7]);
  expect(heard.replies).toHaveLength(100);
  expect(heard.pushes).toHaveLength(100);
});

test("empty pushes are frames of their own", () => {
  const heard = new Recorder({ limits: { frame: 100 } });
  expect(heard.feed(Buffer.from(`${">0\r\n".repeat(1000)}+OK\r\n`), [4]).trace).toEqual(['reply "OK"']);
});

test.each(["|1\r\n+a\r\n+b\r\n", "|1\r\n+a\r\n+b\r\n|0\r\n", "|1\r\n+a\r\n+b\r\n>0\r\n"])(
  "%j before a published message counts for that frame alone",
  (before) => {
    const heard = new Recorder({ limits: { elements: 6 } });
    for (let round = 0; round < 10; round++) heard.feed(Buffer.from(before)).feed(Buffer.from(message("c", "payload")));
    expect(heard.published).toHaveLength(10);
  },
);
