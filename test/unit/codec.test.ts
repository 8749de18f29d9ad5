import { inspect } from "node:util";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { bytes, type Codec, decodeText, json, utf8 } from "../../src/codec.ts";
import { ArgumentError, CodecError } from "../../src/errors.ts";

/** All that a codec makes of this text: from its bytes, and from the text where it can. */
function decoded<T>(codec: Codec<T, never>, text: string): T[] {
  const fromText: unknown = Reflect.get(codec, decodeText);
  const values = [codec.decode(Buffer.from(text))];
  if (typeof fromText === "function") values.push(fromText(text));
  return values;
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}

/** A Standard Schema whose validator is this function. */
function schemaOf(validate: (value: unknown) => StandardSchemaV1.Result<string>): StandardSchemaV1<string> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

describe("utf8", () => {
  test.each(["", "news", "größe 日本 🎉", "\ufeffmarked"])("%j comes out as it went in", (text) => {
    expect(utf8.encode(text)).toBe(text);
    expect(decoded(utf8, text)).toEqual([text, text]);
  });

  test("bytes that are not UTF-8 become U+FFFD", () => {
    expect(utf8.decode(Buffer.from([0x61, 0xff, 0x62]))).toBe("a\ufffdb");
  });

  test.each([1, null, undefined, { a: 1 }, ["a"]])("publishes no %o", (value) => {
    expect(() => utf8.encode(value as never)).toThrow(TypeError);
  });
});

describe("bytes", () => {
  test("gives the payload itself", () => {
    const payload = Buffer.from([0, 255]);
    expect(bytes.decode(payload)).toBe(payload);
  });

  test("takes text and bytes", () => {
    expect(bytes.encode("é")).toBe("é");
    expect(bytes.encode(Uint8Array.of(1, 255))).toEqual(Uint8Array.of(1, 255));
  });
});

test("the codecs at hand cannot be changed", () => {
  expect([Object.isFrozen(utf8), Object.isFrozen(bytes)]).toEqual([true, true]);
});

describe("json without a schema", () => {
  test.each([null, true, 1.5, "text", "é🎉", [], [1, [2]], { a: { b: "c" } }])(
    "%j comes out as it went in",
    (value) => {
      const text = String(json().encode(value));
      expect(decoded(json(), text)).toEqual([value, value]);
    },
  );

  test.each([undefined, () => 1, Symbol("a"), 1n])("publishes no %o, which has no JSON form", (value) => {
    expect(() => json().encode(value)).toThrow(TypeError);
  });

  test.each(["", "{", "hunter2", '{"password":"hunter2"', "[1,]", "undefined"])("%j is refused, not quoted", (text) => {
    const error = errorOf(() => json().decode(Buffer.from(text)));
    expect(error).toBeInstanceOf(SyntaxError);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
  });

  test("a payload's __proto__ is a property like any other", () => {
    const value = json<Record<string, unknown>>().decode(Buffer.from('{"__proto__":{"admin":true}}'));
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe("json with a schema", () => {
  const order = z.object({
    id: z.number(),
    when: z.string().transform((text) => new Date(text)),
    note: z.string().default("none"),
  });

  test("gives what the schema puts out", () => {
    const codec = json(order);
    const value = { id: 7, when: new Date("2024-01-01T00:00:00Z"), note: "none" };
    expect(decoded(codec, '{"id":7,"when":"2024-01-01T00:00:00Z","extra":1}')).toEqual([value, value]);
    const typed: Date = codec.decode(Buffer.from('{"id":7,"when":"2024-01-01"}')).when;
    expect(typed).toBeInstanceOf(Date);
  });

  test("publishes what the schema takes in", () => {
    expect(json(order).encode({ id: 7, when: "2024-01-01" })).toBe('{"id":7,"when":"2024-01-01"}');
  });

  test("says where a payload does not fit, and not what it held", () => {
    const nested = z.object({ users: z.array(z.object({ age: z.number() })) });
    const error = errorOf(() => json(nested).decode(Buffer.from('{"users":[{"age":"hunter2"}]}')));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("users.0.age");
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain("hunter2");
  });

  test("shows an issue without a path, and paths of keys and segments", () => {
    const issues = [{ message: "bad" }, { message: "worse", path: ["a", { key: 0 }, { key: Symbol.for("s") }] }];
    const codec = json(schemaOf(() => ({ issues })));
    expect(() => codec.decode(Buffer.from("1"))).toThrow("bad; a.0.Symbol(s): worse");
  });

  test.each([null, {}, "schema", 1, { "~standard": {} }, () => true])("refuses %o, which is no schema", (schema) => {
    expect(() => json(schema as never)).toThrow(ArgumentError);
  });

  test("is parsed before it is validated", () => {
    const validate = vi.fn(() => ({ value: "valid" }));
    expect(() => json(schemaOf(validate)).decode(Buffer.from("{"))).toThrow(SyntaxError);
    expect(validate).not.toHaveBeenCalled();
    expect(json(schemaOf(validate)).decode(Buffer.from('{"a":1}'))).toBe("valid");
    expect(validate).toHaveBeenCalledWith({ a: 1 });
  });
});

describe("an asynchronous schema", () => {
  test("is refused", () => {
    const schema = z.string().refine(async () => true);
    expect(() => json(schema).decode(Buffer.from('"text"'))).toThrow(/synchronous/);
  });

  test("whose promise rejects is refused, and nothing is left unhandled", async () => {
    const codec = json(schemaOf(() => Promise.reject(new Error("later")) as never));
    expect(() => codec.decode(Buffer.from('"text"'))).toThrow(TypeError);
    // An unhandled rejection would fail the run.
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("whose promise is not this realm's is refused", () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library or realm.
    const thenable = { then: (resolve: (value: unknown) => void) => resolve({ value: "late" }) };
    const codec = json(schemaOf(() => thenable as never));
    expect(() => codec.decode(Buffer.from("1"))).toThrow(TypeError);
  });
});

describe("a refused payload", () => {
  const raw = Buffer.from("hunter2 is no JSON");

  test.each<[string, () => unknown]>([
    ["by json", () => json().decode(raw)],
    ["by a schema", () => json(z.enum(["a", "b"])).decode(Buffer.from('"hunter2"'))],
    ["by a codec whose own error quotes it", () => JSON.parse(raw.toString())],
  ])("%s is never in what a CodecError shows", (_who, act) => {
    const error = new CodecError("news", raw, errorOf(act));
    const shown = [error.message, String(error), error.stack, JSON.stringify(error), inspect(error)];
    shown.push(
      inspect({ error }, { depth: null }),
      inspect(error, { getters: true }),
      inspect(new Error("outer", { cause: error })),
    );
    expect(shown.join("\n")).not.toContain("hunter2");
  });
});
