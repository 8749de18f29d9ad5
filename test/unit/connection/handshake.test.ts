import { describe, expect, test } from "vitest";
import { isPassing, isTerminal, shakeHands } from "../../../src/connection/handshake.ts";
import type { ConnectionSettings, Credentials } from "../../../src/connection/settings.ts";
import { ConnectionError, ServerError, TimeoutError } from "../../../src/errors.ts";
import type { Argument } from "../../../src/resp/encoder.ts";
import type { Reply } from "../../../src/resp/reply.ts";

const settings: ConnectionSettings = {
  endpoint: { host: "localhost", port: 6379 },
  tls: null,
  credentials: () => ({}),
  clientName: null,
  protocol: 3,
  db: 0,
  connectTimeout: 1000,
  lookup: undefined,
};

/** A line whose server refuses the commands named, by their beginning; it notes what was said. */
class ScriptedLine {
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
    return "OK";
  }

  /** What was said but for CLIENT SETINFO. */
  get talk(): string[] {
    return this.said.filter((words) => !words.startsWith("CLIENT SETINFO"));
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
});

describe("a handshake that fails", () => {
  test.each([
    ["WRONGPASS invalid username-password pair", {}],
    ["NOAUTH HELLO must be called with the client already authenticated", {}],
    ["LOADING Redis is loading the dataset in memory", {}],
  ])("rejects with the server's error and does not fall back: %s", async (message) => {
    const line = new ScriptedLine({}, { HELLO: message });
    await expect(shakeHands(line, ann)).rejects.toMatchObject({ message, command: "HELLO" });
    expect(line.said).toHaveLength(1);
  });

  test("at SELECT rejects with that error", async () => {
    const line = new ScriptedLine({ db: 99 }, { SELECT: "ERR DB index is out of range" });
    await expect(shakeHands(line, {})).rejects.toMatchObject({ code: "ERR", command: "SELECT" });
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

describe("whether another attempt is pointless", () => {
  test.each([
    ["a wrong password", new ServerError("WRONGPASS invalid", "HELLO"), true],
    ["no password where one is needed", new ServerError("NOAUTH Authentication required.", "HELLO"), true],
    ["AUTH refused in any way", new ServerError("ERR invalid password", "AUTH"), true],
    ["a database that is not there", new ServerError("ERR DB index is out of range", "SELECT"), true],
    ["AUTH while loading", new ServerError("LOADING Redis is loading", "AUTH"), false],
    ["SELECT while a script runs", new ServerError("BUSY Redis is busy", "SELECT"), false],
    ["too many clients", new ServerError("ERR max number of clients reached", "AUTH"), false],
    ["HELLO refused", new ServerError("ERR unknown command", "HELLO"), false],
    ["a lost link", new ConnectionError("lost"), false],
    ["a deadline", new TimeoutError("late"), false],
    ["anything else", "reason", false],
  ])("%s", (_what, error, terminal) => {
    expect(isTerminal(error)).toBe(terminal);
  });

  test("errors of a server that will be ready later", () => {
    for (const code of ["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]) {
      expect(isPassing(new ServerError(`${code} wait`))).toBe(true);
    }
    expect(isPassing(new ServerError("WRONGPASS no"))).toBe(false);
  });
});
