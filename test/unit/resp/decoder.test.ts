import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../../src/errors.ts";
import { Decoder } from "../../../src/resp/decoder.ts";
import type { Name, Payload } from "../../../src/resp/reply.ts";
import { array, bulk, integer, map, push, simple } from "../../support/resp-writer.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

const resp3 = {
  message: push([bulk("message"), bulk("news"), bulk("hello world")]),
  "message without a channel's name and payload": push([bulk("message"), bulk(""), bulk("")]),
  "message with line ends inside": push([bulk("message"), bulk("a\r\n$1"), bulk("\r\n>3\r\n$7\r\nmessage\r\n")]),
  "message that is not ASCII": push([bulk("message"), bulk("größe"), bulk("日本 🎉")]),
  "message that is not UTF-8": push([bulk("message"), bulk(Buffer.from([0, 255])), bulk(Buffer.from([0xe6, 0x97]))]),
  smessage: push([bulk("smessage"), bulk("{a}shard"), bulk("x".repeat(120))]),
  pmessage: push([bulk("pmessage"), bulk("news.*"), bulk("news.x"), bulk("hello")]),
  "pmessage of nothing": push([bulk("pmessage"), bulk(""), bulk(""), bulk("")]),
  "message whose kind is a simple string": push([simple("message"), bulk("c"), bulk("p")]),
  "message with a null payload": push([bulk("message"), bulk("c"), bulk(null)]),
  "message of four items": push([bulk("message"), bulk("c"), bulk("p"), bulk("more")]),
  "pmessage of three items": push([bulk("pmessage"), bulk("c"), bulk("p")]),
  "messages of another kind": push([bulk("messagf"), bulk("chan"), bulk("payload")]),
  "message with leading zeros": Buffer.from(">3\r\n$7\r\nmessage\r\n$0000000004\r\nnews\r\n$01\r\nx\r\n"),
  "message with an integer payload": push([bulk("message"), bulk("channel"), integer(12)]),
  "message with a double channel": Buffer.from(">3\r\n$7\r\nmessage\r\n,1.5\r\n$5\r\nhello\r\n"),
  confirmation: push([bulk("subscribe"), bulk("news"), integer(1)]),
  "empty push": push([]),
  "simple string": simple("OK"),
  "bulk string": bulk("a\r\nb"),
  nested: array([array([integer(1), array([])]), map([[bulk("k"), Buffer.from("~1\r\n#t\r\n")]]), bulk(null)]),
  "push inside an aggregate": Buffer.concat([
    Buffer.from("*2\r\n:1\r\n"),
    push([bulk("message"), bulk("in"), bulk("side")]),
    integer(2),
  ]),
  "attribute before a message": Buffer.concat([
    Buffer.from("|1\r\n+k\r\n,1.5\r\n"),
    push([bulk("message"), bulk("c"), bulk("p")]),
  ]),
  others: Buffer.from(
    "-ERR no\r\n!5\r\nERR x\r\n(123456789012345678901234567890\r\n=5\r\ntxt:v\r\n_\r\n,-inf\r\n:-1\r\n",
  ),
};

const resp2 = {
  message: array([bulk("message"), bulk("news"), bulk("hello")]),
  smessage: array([bulk("smessage"), bulk("shard"), bulk("é")]),
  pmessage: array([bulk("pmessage"), bulk("n*"), bulk("news"), bulk("payload of some length")]),
  confirmation: array([bulk("subscribe"), bulk("news"), integer(1)]),
  "answer to PING": array([bulk("pong"), bulk("")]),
  "reply of three": array([bulk("messages"), bulk("aaaa"), bulk("bbbbbbb")]),
};

const corpora: [string, Record<string, Buffer>, RecorderOptions][] = [
  ["RESP3", resp3, {}],
  ["RESP3, replies as bytes", resp3, { wantsText: false }],
  ["RESP2", resp2, { arrays: true }],
];
const cases = corpora.flatMap(([protocol, frames, options]) =>
  Object.entries(frames).map(([name, frame]) => ({ name: `${protocol}: ${name}`, frame, options })),
);

/** An expect for each of many thousand traces would take seconds. */
function expectTrace(heard: Recorder, wanted: readonly string[], where: string): void {
  if (JSON.stringify(heard.trace) !== JSON.stringify(wanted)) expect(heard.trace, where).toEqual(wanted);
}

describe("bytes may be cut anywhere", () => {
  test.each(cases)("$name", ({ frame, options }) => {
    const whole = new Recorder(options).feed(frame).trace;
    for (let first = 1; first < frame.length; first++) {
      for (let second = 1; first + second <= frame.length; second++) {
        const heard = new Recorder(options).feed(frame, [first, second, frame.length]);
        expectTrace(heard, whole, `cut at ${first} and ${second}`);
      }
    }
    expect(new Recorder(options).feed(frame, [1]).trace).toEqual(whole);
  });

  test.each(corpora)("frames one after another, at every boundary (%s)", (_protocol, frames, options) => {
    const stream = Buffer.concat(Object.values(frames));
    const whole = Object.values(frames).flatMap((frame) => new Recorder(options).feed(frame).trace);
    for (let cut = 1; cut <= stream.length; cut++) {
      expectTrace(new Recorder(options).feed(stream, [cut, stream.length]), whole, `cut at ${cut}`);
    }
    for (const size of [1, 2, 3, 5, 7, 28, 29, 30, 64]) {
      expect(new Recorder(options).feed(stream, [size]).trace).toEqual(whole);
    }
  });
});

describe("what memory still holds of earlier frames is never taken for the rest of this one", () => {
  test.each(cases)("$name", ({ frame, options }) => {
    const [once, heard] = [new Recorder(options).feed(frame).trace, new Recorder(options)];
    for (let cut = 1; cut < frame.length; cut++) {
      heard.trace.length = 0;
      heard.feed(frame);
      expect(heard.trace.splice(0)).toEqual(once);
      heard.feed(frame.subarray(0, cut));
      const early = heard.trace.length;
      expect(heard.feed(frame.subarray(cut)).trace).toEqual(once);
      if (once.length === 1) expect(early).toBe(0);
    }
  });
});

test("a message that was begun by one decoder and ended by the other leaves the next frame whole", () => {
  const frame = resp3.message;
  for (const next of ["_\r\n", "+\r\n", "#t\r\n", ":1\r\n", "*0\r\n"]) {
    for (let cut = 1; cut < frame.length; cut++) {
      const heard = new Recorder().feed(Buffer.concat([frame, Buffer.from(next)]), [cut, 1000]);
      expect([heard.published.length, heard.replies.length]).toEqual([1, 1]);
    }
  }
});

describe("published messages", () => {
  test("of each kind are told apart, with their names as keys", () => {
    const heard = new Recorder().feed(
      Buffer.concat([resp3["message that is not UTF-8"], resp3.smessage, resp3.pmessage, resp3.confirmation]),
    );
    expect(heard.published).toMatchObject([
      { kind: "message", pattern: null, channel: "\x00\xff", text: "\ufffd", path: "hot" },
      { kind: "smessage", pattern: null, channel: "{a}shard", text: "x".repeat(120), path: "hot" },
      { kind: "pmessage", pattern: "news.*", channel: "news.x", text: "hello", path: "hot" },
    ]);
    expect(heard.pushes).toEqual([[Buffer.from("subscribe"), Buffer.from("news"), 1]]);
  });

  test("of an unusual shape are left to the general decoder", () => {
    const heard = new Recorder().feed(
      Buffer.concat([
        resp3["message with leading zeros"],
        resp3["message whose kind is a simple string"],
        resp3["message with a null payload"],
        resp3["message of four items"],
      ]),
    );
    expect(heard.published).toMatchObject([
      { channel: "news", text: "x", path: "general" },
      { channel: "c", text: "p", path: "general" },
      { channel: "c", text: "p", path: "general" },
    ]);
    expect(heard.trace[2]).toBe('push [<"message">, <"c">, null]');
  });

  test("as arrays are replies, unless they are expected", () => {
    const frame = resp2.message;
    expect(new Recorder().feed(frame).replies).toEqual([["message", "news", "hello"]]);
    expect(new Recorder({ arrays: true }).feed(frame).published).toMatchObject([{ channel: "news", path: "hot" }]);
  });

  test.each([
    ["the channel", ">3\r\n$7\r\nmessage\r\n$4\r\nnewsXY$5\r\nhello\r\n"],
    ["the pattern", ">4\r\n$8\r\npmessage\r\n$4\r\nnewsXY$1\r\nc\r\n$5\r\nhello\r\n"],
    ["the payload", ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhelloXY\r\n"],
    ["a length", ">3\r\n$7\r\nmessage\r\n$4\rXnews\r\n$5\r\nhello\r\n"],
    ["the kind", ">3\r\n$7\r\nmessageXY$4\r\nnews\r\n$5\r\nhello\r\n"],
  ])("with a broken end of %s are a ProtocolError", (_where, text) => {
    expect(() => new Recorder().feed(Buffer.from(text))).toThrow(ProtocolError);
    expect(() => new Recorder().feed(Buffer.from(text), [1])).toThrow(ProtocolError);
  });
});

describe("a decoder", () => {
  const ignore = {
    wantsText: true,
    message() {},
    smessage() {},
    pmessage() {},
    confirmation() {},
    push() {},
    reply() {},
  };

  test("decodes nothing more once it is halted, not even what it holds", () => {
    const channels: string[] = [];
    const decoder = new Decoder({
      ...ignore,
      message: (channel: Name) => {
        channels.push(channel.key());
        decoder.halt();
      },
    });
    decoder.write(Buffer.concat([resp3.message, resp3.message, resp3["simple string"]]));
    decoder.write(resp3.message);
    expect(channels).toEqual(["news"]);
  });

  test("hands a payload over as text and as bytes, asked for once or twice", () => {
    const seen: unknown[] = [];
    const decoder = new Decoder({
      ...ignore,
      message: (_channel: Name, payload: Payload) => {
        seen.push(payload.byteLength, payload.text(), payload.bytes(), payload.text(), payload.bytes());
      },
    });
    decoder.write(push([bulk("message"), bulk("c"), bulk("é")]));
    expect(seen).toEqual([2, "é", Buffer.from("é"), "é", Buffer.from("é")]);
  });

  test("asks anew for each reply whether text is wanted", () => {
    const values: unknown[] = [];
    const receiver = {
      ...ignore,
      reply: (value: unknown) => {
        values.push(value);
        receiver.wantsText = !receiver.wantsText;
      },
    };
    new Decoder(receiver).write(Buffer.from("$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n"));
    expect(values).toEqual(["a", Buffer.from("b"), ["c"]]);
  });

  test("goes on behind a frame whose receiver threw", () => {
    const heard: unknown[] = [];
    const decoder = new Decoder({
      ...ignore,
      message() {
        throw new RangeError("the receiver's own");
      },
      reply: (value: unknown) => heard.push(value),
    });
    expect(() => decoder.write(resp3.message)).toThrow(RangeError);
    decoder.write(resp3["simple string"]);
    expect(heard).toEqual(["OK"]);
  });
});
