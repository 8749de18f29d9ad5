import { describe, expect, test } from "vitest";
import { checkCommand, payloadOf, readCounts, readNameList, requireName } from "../../../src/client/commands.ts";
import { bytes, type Codec, json, utf8 } from "../../../src/codec.ts";
import { ArgumentError, ProtocolError } from "../../../src/errors.ts";

const invalid = Buffer.from([0xff, 0x41]);
const alsoInvalid = Buffer.from([0xfe, 0x41]);

describe("a command that would take the shared connection away is refused", () => {
  const names = [
    ...["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"],
    ...["MONITOR", "RESET", "QUIT", "HELLO"],
  ];
  const spellings = (name: string): string[] => [
    name,
    name.toLowerCase(),
    `${name[0]}${name.slice(1).toLowerCase()}`,
    ` ${name}`,
    `${name.toLowerCase()} `,
    `\t${name}\n`,
    `${name} argument`,
    `${name.toLowerCase()}\r\nPING`,
  ];

  for (const name of names) {
    test.each(spellings(name).map((spelling) => [JSON.stringify(spelling), spelling]))(`${name}: %s`, (_, spelling) => {
      expect(() => checkCommand(spelling, ["x"])).toThrow(ArgumentError);
    });
  }

  test("and the error says what to use instead", () => {
    expect(() => checkCommand("subscribe", ["news"])).toThrow(/SUBSCRIBE.*subscribe\(\)/);
    expect(() => checkCommand("quit", [])).toThrow(/close\(\)/);
    expect(() => checkCommand("hello", [3])).toThrow(/"protocol"/);
  });

  test.each([
    ["text", "REPLY"],
    ["lower case", "reply"],
    ["a Buffer", Buffer.from("Reply")],
    ["a Uint8Array", new TextEncoder().encode("REPLY")],
  ])("CLIENT REPLY, the word as %s", (_kind, word) => {
    expect(() => checkCommand("client", [word, "OFF"])).toThrow(ArgumentError);
  });

  test("CLIENT REPLY in one word", () => {
    expect(() => checkCommand("CLIENT REPLY", ["OFF"])).toThrow(ArgumentError);
  });
});

describe("any other command passes", () => {
  test("with its arguments as they are", () => {
    const blob = new Uint8Array([0, 255]);
    const args = checkCommand("set", ["key", blob, 1.5]);
    expect(args).toEqual(["SET", "key", blob, 1.5]);
    expect(args[2]).toBe(blob);
  });

  test.each(["CLIENT", "PUBSUB", "GET", "toString", "constructor", "json.get"])("%s", (name) => {
    expect(checkCommand(name, ["LIST"])).toEqual([name.toUpperCase(), "LIST"]);
  });

  test("a word that is no string is refused, and never shown", () => {
    for (const command of [undefined, null, 1, "", "  ", ["GET"], {}]) {
      expect(() => checkCommand(command, [])).toThrow(ArgumentError);
    }
    for (const arg of [undefined, null, true, 1n, {}, ["hunter2"], Symbol("hunter2"), new Date(0)]) {
      expect(() => checkCommand("SET", ["key", arg])).toThrow(ArgumentError);
      expect(() => checkCommand("SET", ["key", arg])).not.toThrow(/hunter2/);
    }
  });
});

describe("what publish sends", () => {
  test("goes through the codec", () => {
    expect(payloadOf(utf8 as Codec<unknown>, "text")).toBe("text");
    expect(payloadOf(json(), { a: 1 })).toBe('{"a":1}');
    expect(payloadOf(bytes as Codec<unknown>, "text")).toBe("text");
  });

  test("is left alone when it is bytes", () => {
    const blob = new Uint8Array([0, 255]);
    expect(payloadOf(json(), blob)).toBe(blob);
  });

  test("is refused when the codec cannot encode it, with the cause and without the data", () => {
    const circular: Record<string, unknown> = { secret: "hunter2" };
    circular.self = circular;
    for (const [codec, data] of [
      [utf8, { secret: "hunter2" }],
      [utf8, undefined],
      [json(), circular],
      [json(), undefined],
    ] as [Codec<unknown>, unknown][]) {
      expect(() => payloadOf(codec, data)).toThrow(ArgumentError);
      expect(() => payloadOf(codec, data)).not.toThrow(/hunter2/);
    }
    expect(() => payloadOf(utf8 as Codec<unknown>, 1)).toThrow(
      expect.objectContaining({ cause: expect.any(TypeError) }),
    );
  });

  test("is refused when the codec makes something else of it", () => {
    const codec = { decode: () => null, encode: () => 5 } as unknown as Codec<unknown>;
    expect(() => payloadOf(codec, "x")).toThrow(/string or a Uint8Array/);
  });

  test("a name is text or bytes", () => {
    expect(() => requireName("channel", invalid)).not.toThrow();
    for (const name of [undefined, null, 1, {}, ["a"]]) {
      expect(() => requireName("channel", name)).toThrow(ArgumentError);
    }
  });
});

describe("replies of PUBSUB", () => {
  test("name lists come as text or as bytes", () => {
    const reply = [Buffer.from("é"), Buffer.from(""), invalid];
    expect(readNameList([reply], "utf8")).toEqual(["é", "", "\ufffdA"]);
    expect(readNameList([reply], "bytes")).toEqual(reply);
  });

  test("counts come in the order asked, one for each name", () => {
    const reply = [Buffer.from("b"), 2, Buffer.from("a"), 1, Buffer.from("é"), 0];
    const counts = readCounts([reply], ["b", "a", "é"], "utf8");
    expect([...counts]).toEqual([
      ["b", 2],
      ["a", 1],
      ["é", 0],
    ]);
    expect(counts.get("é")).toBe(0);
  });

  test("names that are no UTF-8 are told apart by their bytes", () => {
    const reply = [invalid, 1, alsoInvalid, 2];
    const counts = readCounts([reply], [invalid, alsoInvalid], "utf8");
    expect(counts.size).toBe(2);
    expect([...counts]).toEqual([
      ["\ufffdA", 1],
      ["\ufffdA", 2],
    ]);
    expect((counts as ReadonlyMap<unknown, number>).get(invalid)).toBe(1);
    expect((counts as ReadonlyMap<unknown, number>).get(alsoInvalid)).toBe(2);
  });

  test("a map of bytes finds a name by its text too", () => {
    const counts = readCounts([[Buffer.from("é"), 3]], ["é"], "bytes");
    expect([...counts.keys()]).toEqual([Buffer.from("é")]);
    expect(counts.get("é")).toBe(3);
    expect(counts.get(Buffer.from("é"))).toBe(3);
    expect(counts.has("e")).toBe(false);
  });

  test("of an unexpected kind are a protocol error", () => {
    for (const reply of [null, "OK", 1, new Map()]) {
      expect(() => readNameList([reply], "utf8")).toThrow(ProtocolError);
      expect(() => readCounts([reply], ["a"], "utf8")).toThrow(ProtocolError);
    }
    expect(() => readNameList([[1]], "utf8")).toThrow(ProtocolError);
  });
});
