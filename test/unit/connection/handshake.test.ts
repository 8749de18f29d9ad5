import { describe, expect, test } from "vitest";
import { shakeHands } from "../../../src/connection/handshake.ts";
import type { Proof } from "../../../src/connection/order-proof.ts";
import type { ConnectionSettings, Credentials } from "../../../src/connection/settings.ts";
import { ServerError } from "../../../src/errors.ts";
import type { Argument } from "../../../src/resp/encoder.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { settingsFor } from "./dial.ts";

const settings: ConnectionSettings = settingsFor(6379, { connectTimeout: 1000 });

const resp3: Reply = new Map<Reply, Reply>([
  ["server", "redis"],
  ["proto", 3],
  ["role", "master"],
]);

/** A line whose server refuses the commands named, by their beginning; it notes what was said. */
class ScriptedLine {
  /** What HELLO is answered with. */
  hello: Reply = resp3;
  /** What comes before the answers to the PINGs of the handshake. */
  readonly unmatched: Reply[][] = [];
  readonly settings: ConnectionSettings;
  readonly role = { heard: () => {} };
  readonly said: string[] = [];
  readonly #refusals: Readonly<Record<string, string>>;

  constructor(given: Partial<ConnectionSettings>, refusals: Readonly<Record<string, string>> = {}) {
    this.settings = { ...settings, ...given };
    this.#refusals = refusals;
  }

  async command(args: readonly Argument[]): Promise<Reply> {
    const words = args.join(" ");
    this.said.push(words);
    for (const [beginning, message] of Object.entries(this.#refusals)) {
      if (words.startsWith(beginning)) throw new ServerError(message, String(args[0]));
    }
    return args[0] === "HELLO" ? this.hello : "OK";
  }

  async prove(): Promise<Proof> {
    const unmatched = this.unmatched.shift() ?? [];
    try {
      await this.command(["PING"]);
      return { unmatched, refused: null };
    } catch (error) {
      return { unmatched, refused: error as ServerError };
    }
  }

  /** What was said but for CLIENT SETINFO and PING. */
  get talk(): string[] {
    return this.said.filter((words) => !words.startsWith("CLIENT SETINFO") && words !== "PING");
  }
}

const ann: Credentials = { username: "ann", password: "hunter2" };
const unknownHello = { HELLO: "ERR unknown command 'HELLO'" };

describe("a server that speaks RESP3", () => {
  test("is greeted with login and name in one command", async () => {
    const line = new ScriptedLine({ clientName: "me", db: 2 });
    expect(await shakeHands(line, ann)).toBe(3);
    expect(line.talk).toEqual(["HELLO 3 AUTH ann hunter2 SETNAME me", "SELECT 2"]);
  });

  test("knows the default user by the password alone", async () => {
    const line = new ScriptedLine({});
    await shakeHands(line, { password: "hunter2" });
    expect(line.talk).toEqual(["HELLO 3 AUTH default hunter2"]);
  });

  test("is told the library's name and version", async () => {
    const line = new ScriptedLine({});
    await shakeHands(line, {});
    expect(line.said).toContain("CLIENT SETINFO LIB-NAME tidings");
    expect(line.said.some((words) => /^CLIENT SETINFO LIB-VER \d+\.\d+/.test(words))).toBe(true);
  });

  test("may refuse CLIENT SETINFO", async () => {
    const line = new ScriptedLine({}, { "CLIENT SETINFO": "ERR unknown subcommand 'SETINFO'" });
    expect(await shakeHands(line, {})).toBe(3);
  });
});

describe("a server that refuses HELLO", () => {
  test.each(["ERR unknown command 'HELLO'", "NOPROTO unsupported protocol version", "NOPERM no permissions"])(
    "with %s is spoken to in RESP2, logged in and named",
    async (message) => {
      const line = new ScriptedLine({ clientName: "me", db: 3 }, { HELLO: message });
      expect(await shakeHands(line, ann)).toBe(2);
      expect(line.talk.slice(0, 4)).toEqual([
        "HELLO 3 AUTH ann hunter2 SETNAME me",
        "AUTH ann hunter2",
        "CLIENT SETNAME me",
        "SELECT 3",
      ]);
    },
  );

  test("gets the password alone, as servers without ACL want it", async () => {
    const line = new ScriptedLine({}, unknownHello);
    await shakeHands(line, { password: "hunter2" });
    expect(line.talk[1]).toBe("AUTH hunter2");
  });

  test("may refuse a name as well", async () => {
    const line = new ScriptedLine({ clientName: "me" }, { ...unknownHello, CLIENT: "NOPERM no permissions" });
    expect(await shakeHands(line, {})).toBe(2);
  });

  test("is not greeted at all with protocol 2", async () => {
    const line = new ScriptedLine({ protocol: 2, clientName: "me" });
    expect(await shakeHands(line, ann)).toBe(2);
    expect(line.talk.slice(0, 2)).toEqual(["AUTH ann hunter2", "CLIENT SETNAME me"]);
    expect(line.talk.some((words) => words.startsWith("HELLO"))).toBe(false);
  });

  test("may be loading: that is no reason to give up the login", async () => {
    const line = new ScriptedLine({ protocol: 2 }, { PING: "LOADING Redis is loading the dataset in memory" });
    expect(await shakeHands(line, {})).toBe(2);
  });

  test("and wants a login that was not given is found out", async () => {
    const line = new ScriptedLine({ protocol: 2 }, { PING: "NOAUTH Authentication required." });
    await expect(shakeHands(line, {})).rejects.toMatchObject({ code: "NOAUTH" });
  });

  test("or wants AUTH before any other word is logged in with AUTH", async () => {
    const line = new ScriptedLine({}, { HELLO: "NOAUTH Authentication required." });
    expect(await shakeHands(line, ann)).toBe(2);
    expect(line.talk).toEqual(["HELLO 3 AUTH ann hunter2", "AUTH ann hunter2"]);
  });

  test("is sent no AUTH for a default user without a password", async () => {
    const line = new ScriptedLine({}, unknownHello);
    await shakeHands(line, { username: "default", password: "" });
    expect(line.talk).toEqual(["HELLO 3 AUTH default "]);
  });

  test("gets the password of the default user alone: before 6.0 there are no users", async () => {
    const line = new ScriptedLine({}, unknownHello);
    await shakeHands(line, { username: "default", password: "hunter2" });
    expect(line.talk[1]).toBe("AUTH hunter2");
  });

  test("and knows no users says so", async () => {
    const refusals = { ...unknownHello, AUTH: "ERR wrong number of arguments for 'auth' command" };
    await expect(shakeHands(new ScriptedLine({}, refusals), ann)).rejects.toMatchObject({
      code: "ERR",
      command: "AUTH",
      message: expect.stringMatching(/127\.0\.0\.1:6379 knows no users.*6\.0.*leave "username" out/),
    });
  });
});

describe("the answer to HELLO is read", () => {
  const withProto = (proto: number) => ["server", "kvrocks", "proto", proto, "role", "master"];

  test.each<[string, Reply, 2 | 3]>([
    ["a map that says 3", resp3, 3],
    ["a map that says 2", new Map<Reply, Reply>([["proto", 2]]), 2],
    ["a map that does not say", new Map<Reply, Reply>([["server", "x"]]), 3],
    ["an array that says 2", withProto(2), 2],
    ["an array that says 3", withProto(3), 3],
  ])("%s", async (_what, hello, protocol) => {
    const line = new ScriptedLine({});
    line.hello = hello;
    expect(await shakeHands(line, {})).toBe(protocol);
  });

  test("a login in RESP2 follows where RESP2 is in force", async () => {
    const line = new ScriptedLine({ clientName: "me" });
    line.hello = withProto(2);
    expect(await shakeHands(line, ann)).toBe(2);
    expect(line.talk.slice(1)).toEqual(["AUTH ann hunter2", "CLIENT SETNAME me"]);
  });

  test.each<[string, Reply]>([
    ["a line", "OK"],
    ["a number", 1],
    ["nothing", null],
    ["a list of something else", ["a", "b"]],
  ])("that came behind %s is found", async (_what, stray) => {
    const line = new ScriptedLine({});
    line.hello = stray;
    line.unmatched.push([resp3]);
    expect(await shakeHands(line, {})).toBe(3);
  });

  test("that never comes leaves RESP2", async () => {
    const line = new ScriptedLine({});
    line.hello = "OK";
    expect(await shakeHands(line, {})).toBe(2);
  });
});

describe("the order of replies", () => {
  test("is proved at the end", async () => {
    const line = new ScriptedLine({ db: 1 });
    await shakeHands(line, {});
    expect(line.said.at(-1)).toBe("PING");
  });

  test("that one OK too many has shifted is restored by the nonce", async () => {
    const line = new ScriptedLine({ protocol: 2 });
    line.unmatched.push(["OK"]);
    expect(await shakeHands(line, ann)).toBe(2);
  });

  test("that anything else has shifted ends the handshake", async () => {
    const line = new ScriptedLine({ protocol: 2 });
    line.unmatched.push(["OK", resp3]);
    await expect(shakeHands(line, {})).rejects.toMatchObject({
      code: "PROTOCOL",
      message: expect.stringContaining("127.0.0.1:6379"),
    });
  });

  test("is asked for again where an error came in place of the nonce", async () => {
    const line = new ScriptedLine({ protocol: 2 }, { PING: "NOPERM no permissions to run 'ping'" });
    expect(await shakeHands(line, {})).toBe(2);
    expect(line.said.filter((words) => words === "PING")).toHaveLength(2);
  });
});

describe("a proxy that hangs up at CLIENT SETINFO", () => {
  test("is not sent it", async () => {
    const line = new ScriptedLine({ clientInfo: false });
    await shakeHands(line, {});
    expect(line.said).toEqual(["HELLO 3", "PING"]);
  });
});

describe("a handshake that fails", () => {
  test.each([
    ["WRONGPASS invalid username-password pair", ann, 'refused the login: check "username" and "password".'],
    ["NOAUTH HELLO must be called with the client already authenticated", {}, "wants a password"],
    ["LOADING Redis is loading the dataset in memory", ann, "is not ready."],
  ])("rejects with the server's error, its address and advice, and does not fall back: %s", async (...row) => {
    const [message, login, advice] = row;
    const line = new ScriptedLine({}, { HELLO: message });
    await expect(shakeHands(line, login)).rejects.toMatchObject({
      message: expect.stringContaining(`${message}. 127.0.0.1:6379 ${advice}`),
      code: message.split(" ")[0],
      command: "HELLO",
    });
    expect(line.said).toHaveLength(1);
  });

  test("at SELECT rejects with that error", async () => {
    const line = new ScriptedLine({ db: 99 }, { SELECT: "ERR DB index is out of range" });
    await expect(shakeHands(line, {})).rejects.toMatchObject({
      code: "ERR",
      command: "SELECT",
      message: expect.stringContaining('127.0.0.1:6379 refused the database: check "db".'),
    });
  });

  test("never shows the password, wherever the server echoes it", async () => {
    for (const echo of [
      "ERR unknown command 'AUTH', with args beginning with: 'hunter2' ",
      "ERR invalid password: hunter2",
      "hunter2 hunter2",
    ]) {
      const line = new ScriptedLine({ protocol: 2 }, { AUTH: echo });
      const error: unknown = await shakeHands(line, ann).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ServerError);
      if (!(error instanceof ServerError)) continue;
      expect([error.message, error.stack, error.code, JSON.stringify(error)].join("\n")).not.toContain("hunter2");
      expect(error.command).toBe("AUTH");
      expect(error.cause).toBeUndefined();
    }
  });
});
