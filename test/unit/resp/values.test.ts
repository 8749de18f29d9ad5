import { describe, expect, test } from "vitest";
import { ProtocolError, ServerError } from "../../../src/errors.ts";
import { Recorder, replies } from "./recorder.ts";

const one = (text: string) => {
  const [value, ...others] = replies(text);
  expect(others).toEqual([]);
  return value;
};

describe("scalars", () => {
  test.each([
    ["+OK\r\n", "OK"],
    ["+\r\n", ""],
    ["+with \xc3\xa9\r\n", "with é"],
    ["$5\r\nhello\r\n", "hello"],
    ["$0\r\n\r\n", ""],
    ["$4\r\na\r\nb\r\n", "a\r\nb"],
    ["$2\r\n\xc3\xa9\r\n", "é"],
    ["$2\r\na\xff\r\n", "a\ufffd"],
    [":0\r\n", 0],
    [":-42\r\n", -42],
    [":+7\r\n", 7],
    [":9007199254740991\r\n", 9007199254740991],
    [":9007199254740992\r\n", 9007199254740992n],
    [":-9223372036854775808\r\n", -9223372036854775808n],
    [":+9223372036854775807\r\n", 9223372036854775807n],
    ["(3492890328409238509324850943850943825024385\r\n", 3492890328409238509324850943850943825024385n],
    ["(-12\r\n", -12n],
    ["(+12\r\n", 12n],
    [",1.5\r\n", 1.5],
    [",10\r\n", 10],
    [",-.5\r\n", -0.5],
    [",1.\r\n", 1],
    [",+1.25e-3\r\n", 0.00125],
    [",1E400\r\n", Number.POSITIVE_INFINITY],
    [",inf\r\n", Number.POSITIVE_INFINITY],
    [",+inf\r\n", Number.POSITIVE_INFINITY],
    [",-inf\r\n", Number.NEGATIVE_INFINITY],
    [",nan\r\n", Number.NaN],
    [",-nan\r\n", Number.NaN],
    ["#t\r\n", true],
    ["#f\r\n", false],
    ["_\r\n", null],
    ["$-1\r\n", null],
    ["*-1\r\n", null],
    ["=7\r\ntxt:abc\r\n", "abc"],
    ["=4\r\nmkd:\r\n", ""],
    ["=6\r\ntxt:\xc3\xa9\r\n", "é"],
  ])("%j is %o", (text, value) => {
    expect(one(text)).toEqual(value);
  });

  test("bulk and verbatim strings are Buffers where no text is wanted, and simple strings stay text", () => {
    expect(replies("$3\r\n\x00\xff\n\r\n+OK\r\n=5\r\ntxt:a\r\n", { wantsText: false })).toEqual([
      Buffer.from([0, 255, 10]),
      "OK",
      Buffer.from("a"),
    ]);
  });

  test("a simple error and a blob error are ServerErrors", () => {
    const [simple, blob] = replies("-WRONGPASS no such user\r\n!14\r\nNOPERM a\r\nline\r\n");
    expect(simple).toBeInstanceOf(ServerError);
    expect(simple).toMatchObject({ code: "WRONGPASS", message: "WRONGPASS no such user" });
    expect(blob).toBeInstanceOf(ServerError);
    expect(blob).toMatchObject({ code: "NOPERM", message: "NOPERM a\\r\\nline" });
  });
});

describe("aggregates", () => {
  test.each([
    ["*0\r\n", []],
    ["*3\r\n:1\r\n$1\r\na\r\n_\r\n", [1, "a", null]],
    ["*2\r\n*-1\r\n$-1\r\n", [null, null]],
    ["*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n*1\r\n:2\r\n", [[1, []], [[2]]]],
    ["%0\r\n", new Map()],
    [
      "%2\r\n+a\r\n:1\r\n:2\r\n*1\r\n#t\r\n",
      new Map<unknown, unknown>([
        ["a", 1],
        [2, [true]],
      ]),
    ],
    ["%1\r\n+m\r\n%1\r\n+n\r\n%0\r\n", new Map([["m", new Map([["n", new Map()]])]])],
    ["~0\r\n", new Set()],
    ["~3\r\n:1\r\n+x\r\n:1\r\n", new Set([1, "x"])],
    ["*1\r\n~1\r\n,inf\r\n", [new Set([Number.POSITIVE_INFINITY])]],
  ])("%j is %o", (text, value) => {
    expect(one(text)).toEqual(value);
  });

  test("an error inside an aggregate is a value, and what follows is read on", () => {
    expect(one("*3\r\n+a\r\n-ERR inside\r\n:3\r\n")).toEqual(["a", new ServerError("ERR inside"), 3]);
  });
});

describe("attributes", () => {
  test.each([
    ["before a scalar", "|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "OK"],
    ["before an aggregate", "|1\r\n+k\r\n*2\r\n:1\r\n:2\r\n*1\r\n:3\r\n", [3]],
    ["before an element", "*2\r\n:1\r\n|1\r\n+k\r\n+v\r\n:2\r\n", [1, 2]],
    ["before the first element", "*1\r\n|2\r\n+k\r\n%0\r\n+l\r\n_\r\n:2\r\n", [2]],
    ["before a map's key and value", "%1\r\n|1\r\n+k\r\n+v\r\n+a\r\n|1\r\n+k\r\n+v\r\n:1\r\n", new Map([["a", 1]])],
    ["one after another", "|1\r\n+k\r\n+v\r\n|1\r\n+k\r\n+v\r\n:5\r\n", 5],
    ["inside an attribute", "|1\r\n+k\r\n|1\r\n+k\r\n+v\r\n+v\r\n:5\r\n", 5],
    ["empty", "|0\r\n*2\r\n|0\r\n:1\r\n:2\r\n", [1, 2]],
  ])("are dropped: %s", (_where, text, value) => {
    expect(one(text)).toEqual(value);
  });

  test("before a push leave the push a push", () => {
    const heard = new Recorder().feed(Buffer.from("|1\r\n+k\r\n+v\r\n>1\r\n$10\r\ninvalidate\r\n"));
    expect(heard.trace).toEqual(['push [<"invalidate">]']);
  });
});

describe("pushes", () => {
  const trace = (text: string) => new Recorder().feed(Buffer.from(text)).trace;

  test("carry bytes even where replies are wanted as text", () => {
    expect(trace(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n$1\r\na\r\n")).toEqual([
      'push [<"subscribe">, <"a">, 1]',
      'reply "a"',
    ]);
  });

  test("inside an aggregate come out on their own, and the aggregate is whole", () => {
    expect(trace("*2\r\n$1\r\na\r\n>1\r\n$1\r\nb\r\n%1\r\n>1\r\n*1\r\n$1\r\nc\r\n+k\r\n$1\r\nd\r\n")).toEqual([
      'push [<"b">]',
      'push [[<"c">]]',
      'reply ["a", map("k" => "d")]',
    ]);
  });

  test("inside a push or an attribute come out first", () => {
    expect(trace(">2\r\n:1\r\n>1\r\n:2\r\n:3\r\n|1\r\n+k\r\n>1\r\n:4\r\n+v\r\n+OK\r\n")).toEqual([
      "push [2]",
      "push [1, 3]",
      "push [4]",
      'reply "OK"',
    ]);
  });

  test("a published message inside an aggregate is not lost", () => {
    expect(trace("*2\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n:2\r\n")).toEqual([
      'message [null,"news","hi","hi"]',
      "reply [1, 2]",
    ]);
  });

  test("that are empty are ignored, inside an aggregate too", () => {
    expect(trace(">0\r\n+a\r\n>0\r\n>0\r\n*1\r\n>0\r\n:1\r\n")).toEqual(['reply "a"', "reply [1]"]);
  });
});

describe("what is not RESP", () => {
  test.each([
    ["a streamed string", "$?\r\n;4\r\nHell\r\n;0\r\n"],
    ["a streamed array", "*?\r\n:1\r\n.\r\n"],
    ["a streamed set", "~?\r\n"],
    ["a streamed map", "%?\r\n"],
    ["a streamed push", ">?\r\n"],
    ["a streamed attribute", "|?\r\n"],
    ["a streamed verbatim string", "=?\r\n"],
    ["the end of a stream", ".\r\n"],
    ["an unknown type", "HTTP/1.1 400 Bad Request\r\n"],
    ["an empty line", "\r\n"],
    ["a lone line feed", "\n"],
    ["a line without a carriage return", "+OK\n"],
    ["a bulk string longer than it says", "$2\r\nabc\r\n"],
    ["a bulk string shorter than it says", "$4\r\nabc\r\n+OK\r\n"],
    ["a length with a sign", "$+2\r\nab\r\n"],
    ["a length of minus two", "$-2\r\n"],
    ["an array of minus two", "*-2\r\n"],
    ["no length", "$\r\n\r\n"],
    ["a length with a space", "* 1\r\n:1\r\n"],
    ["a length in hex", "$0x2\r\nab\r\n"],
    ["a length of sixteen digits", "$0000000000000002\r\nab\r\n"],
    ["a null map", "%-1\r\n"],
    ["a null set", "~-1\r\n"],
    ["a null push", ">-1\r\n"],
    ["a null attribute", "|-1\r\n"],
    ["a null blob error", "!-1\r\n"],
    ["a null verbatim string", "=-1\r\n"],
    ["an integer with a point", ":1.5\r\n"],
    ["an empty integer", ":\r\n"],
    ["an integer of 21 digits", ":123456789012345678901\r\n"],
    ["a big number in hex", "(0xff\r\n"],
    ["an empty big number", "(\r\n"],
    ["a boolean of another letter", "#x\r\n"],
    ["a boolean of a whole word", "#true\r\n"],
    ["a null with a value", "_0\r\n"],
    ["a double without digits", ",.\r\n"],
    ["an empty double", ",\r\n"],
    ["a double that is a word", ",Infinity\r\n"],
    ["a verbatim string without a format", "=3\r\nabc\r\n"],
    ["a verbatim string with a broken format", "=5\r\nabcde\r\n"],
  ])("%s is a ProtocolError", (_what, text) => {
    expect(() => replies(text)).toThrow(ProtocolError);
  });

  // Quadratic work would take far longer than this.
  test.each([",", "(", ":"])("a long line of digits after %j is refused at once", { timeout: 5000 }, (type) => {
    expect(() => replies(`${type}${"9".repeat(65_000)}x\r\n`)).toThrow(ProtocolError);
  });

  test("values before the broken one are handed over", () => {
    const heard = new Recorder();
    expect(() => heard.feed(Buffer.from("+a\r\n:2\r\n:x\r\n+c\r\n"))).toThrow(ProtocolError);
    expect(heard.replies).toEqual(["a", 2]);
  });
});
