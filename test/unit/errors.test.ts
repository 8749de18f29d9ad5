import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import * as errors from "../../src/errors.ts";

const {
  ArgumentError,
  ClosedError,
  ClusterError,
  CodecError,
  ConnectionError,
  HandlerError,
  ProtocolError,
  PubSubError,
  ServerError,
  TidingsError,
  TimeoutError,
} = errors;

const plain = { ArgumentError, ClosedError, ClusterError, ConnectionError, ProtocolError, PubSubError, TimeoutError };
type Plain = (typeof plain)[keyof typeof plain];
const codes: [keyof typeof plain, string][] = [
  ["ArgumentError", "ARGUMENT"],
  ["ClosedError", "CLOSED"],
  ["ClusterError", "CLUSTER"],
  ["ConnectionError", "CONNECTION"],
  ["ProtocolError", "PROTOCOL"],
  ["PubSubError", "PUBSUB"],
  ["TimeoutError", "TIMEOUT"],
];

/** One of each kind. */
const kinds = {
  ...Object.fromEntries(Object.entries(plain).map(([name, Class]) => [name, new Class("message")])),
  ServerError: new ServerError("NOPERM no"),
  HandlerError: new HandlerError("news", null, new Error("theirs")),
  CodecError: new CodecError("news", Buffer.from("raw"), null),
};

describe("an error", () => {
  test.each(codes)("%s has the code %s, its name, its message and its cause", (name, code) => {
    const Class: Plain = plain[name];
    const cause = new Error("why");
    const error = new Class("what to do", { cause });
    expect(error).toMatchObject({ code, name, message: "what to do", cause });
    expect(String(error)).toBe(`${name}: what to do`);
    expect(error.stack).toContain(`${name}: what to do`);
    expect(Object.keys(error)).toEqual(["code"]);
    expect(new Class("no cause")).not.toHaveProperty("cause");
  });

  test.each(Object.entries(kinds))("%s is itself, a TidingsError and an Error, and nothing else", (name, error) => {
    const classes = { ...plain, ServerError, HandlerError, CodecError };
    const matching = Object.entries(classes).filter(([, Class]) => (error as unknown) instanceof Class);
    expect(matching.map(([matched]) => matched)).toEqual([name]);
    expect(error).toBeInstanceOf(TidingsError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
  });

  test("is told from what is none", () => {
    for (const value of [null, undefined, "ConnectionError", 1, {}, new Error("x"), () => {}, { code: "CONNECTION" }]) {
      expect((value as unknown) instanceof TidingsError).toBe(false);
      expect((value as unknown) instanceof ConnectionError).toBe(false);
    }
  });
});

describe("two copies of the library", () => {
  test("know each other's errors", async () => {
    vi.resetModules();
    const copy: typeof errors = await import("../../src/errors.ts");
    expect(copy.TidingsError).not.toBe(TidingsError);
    const theirs = new copy.TimeoutError("slow");
    expect(theirs).toBeInstanceOf(TimeoutError);
    expect(theirs).toBeInstanceOf(TidingsError);
    expect(theirs).not.toBeInstanceOf(ConnectionError);
    expect(new ServerError("ERR x")).toBeInstanceOf(copy.ServerError);
    expect(new CodecError("c", Buffer.of(), null)).toBeInstanceOf(copy.TidingsError);
  });

  test("know each other's users' subclasses, which stay apart", async () => {
    vi.resetModules();
    const copy: typeof errors = await import("../../src/errors.ts");
    class Mine extends copy.ConnectionError {}
    class Other extends ConnectionError {}
    expect(new Mine("x")).toBeInstanceOf(ConnectionError);
    expect(new Mine("x")).toBeInstanceOf(Mine);
    expect(new Mine("x")).not.toBeInstanceOf(Other);
  });
});

describe("a user's subclass", () => {
  class Refused extends ServerError {}

  test("is an instance of itself and of what it extends", () => {
    const error = new Refused("NOPERM no");
    expect(error).toBeInstanceOf(Refused);
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toBeInstanceOf(TidingsError);
    expect(error).not.toBeInstanceOf(ConnectionError);
  });

  test("is not what its parent's instances are", () => {
    expect(new ServerError("NOPERM no")).not.toBeInstanceOf(Refused);
    expect(new TidingsError("CLOSED", "x")).not.toBeInstanceOf(Refused);
  });
});

describe("a server's error", () => {
  test.each([
    ["NOPERM this user has no permissions", "NOPERM"],
    ["WRONGPASS", "WRONGPASS"],
    ["MOVED 3999 127.0.0.1:6381", "MOVED"],
    ["CUSTOM\tword", "CUSTOM"],
    ["", "ERR"],
    [" begins with a space", "ERR"],
  ])("%j has the code %s", (message, code) => {
    expect(new ServerError(message)).toMatchObject({
      code,
      message: message.replace("\t", "\\t"),
      command: null,
      names: [],
    });
  });

  test.each([
    "ERR unknown command 'AUTHX', with args beginning with: 'ann' 'hunter2' ",
    "ERR unknown command `AUTHX`, with args beginning with: `ann`, `hunter2`, ",
    "ERR unknown command 'AUTHX', with args beginning with: 'hunter2\r\nhunter2, with args beginning with: '",
  ])("%j is cut off before the arguments", (message) => {
    const error = new ServerError(message);
    expect(error.message).toMatch(/^ERR unknown command .AUTHX.$/);
    expect(inspect(error, { showHidden: true }) + JSON.stringify(error) + error.stack).not.toContain("hunter2");
  });

  test("can be told what it is about", () => {
    const refused = new ServerError("NOPERM no").about("SUBSCRIBE", ["a", Buffer.from("b")]);
    expect(refused).toMatchObject({ code: "NOPERM", message: "NOPERM no", command: "SUBSCRIBE" });
    expect(refused.names).toEqual(["a", Buffer.from("b")]);
    expect(refused.about("PSUBSCRIBE")).toMatchObject({ command: "PSUBSCRIBE", names: refused.names });
  });
});

describe("a handler's error", () => {
  test("says whose handler failed and keeps what it threw", () => {
    const cause = new Error("theirs");
    expect(new HandlerError("news", null, cause)).toMatchObject({
      code: "HANDLER",
      channel: "news",
      pattern: null,
      cause,
    });
    expect(new HandlerError("news", null, cause).message).toContain('channel "news"');
    expect(new HandlerError("news.x", Buffer.from("news.*"), "text")).toMatchObject({
      channel: "news.x",
      cause: "text",
    });
    expect(new HandlerError("news.x", Buffer.from("news.*"), "text").message).toContain('pattern "news.*"');
  });

  test("has no line end of a name in its message", () => {
    expect(new HandlerError("a\r\nb", null, null).message).not.toMatch(/[\r\n]/);
  });
});

describe("a codec's error", () => {
  const raw = Buffer.from("hunter2");
  const cause = new Error("hunter2 is not JSON");
  const error = new CodecError(Buffer.from("news"), raw, cause);

  test("has the channel, the payload and the cause at hand", () => {
    expect(error.code).toBe("CODEC");
    expect(error.channel).toEqual(Buffer.from("news"));
    expect(error.raw).toBe(raw);
    expect(error.cause).toBe(cause);
    expect(error.message).toContain('channel "news"');
  });

  test("shows neither the payload nor the cause", () => {
    expect(Object.keys(error)).not.toContain("raw");
    expect({ ...error }).not.toHaveProperty("raw");
    expect(JSON.stringify(error)).not.toContain("hunter2");
    // The bytes of "hunter2", as a Buffer is printed.
    for (const options of [{}, { showHidden: true }, { getters: true }, { depth: null, compact: false }]) {
      expect(inspect(error, options)).not.toMatch(/hunter2|68 75 6e 74/);
      expect(inspect([error], options)).not.toMatch(/hunter2|68 75 6e 74/);
    }
    expect(inspect(error)).toContain("CodecError: The codec refused a payload");
  });
});

describe("text of a peer in a message", () => {
  const hostile = "a\r\nb\u001b[2Jc\u0085d\u2028e\u2029f\u0000g\u007fh\ti";
  const escaped = "a\\r\\nb\\u001b[2Jc\\u0085d\\u2028e\\u2029f\\u0000g\\u007fh\\ti";

  test.each([
    ["an error reply", new ServerError(`ERR ${hostile}`)],
    ["an error reply about a command", new ServerError(`ERR ${hostile}`).about("GET")],
    ["any other error", new ClusterError(`The node ${hostile} is gone.`)],
  ])("%s is one line without control characters", (_what, error) => {
    expect(error.message).toContain(escaped);
    expect(error.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  test("a channel's name too", () => {
    for (const error of [new HandlerError(hostile, null, null), new CodecError(hostile, Buffer.of(), null)]) {
      expect(error.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(error.channel).toBe(hostile);
    }
  });

  test("a first word", () => {
    expect(new ServerError("ER\u001bR no").code).toBe("ER\\u001bR");
  });

  test("text beyond ASCII stays", () => {
    expect(new ServerError("ERR 错误 é 🙂").message).toBe("ERR 错误 é 🙂");
  });
});
