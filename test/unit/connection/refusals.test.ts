import { describe, expect, test } from "vitest";
import { isLasting, isPassing, isRefusedLogin, isTerminal, refusalOf } from "../../../src/connection/refusals.ts";
import { ConnectionError, ServerError, TimeoutError } from "../../../src/errors.ts";

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

test("a refused login may be tried with other credentials", () => {
  expect(isRefusedLogin(new ServerError("WRONGPASS no", "HELLO"))).toBe(true);
  expect(isRefusedLogin(new ServerError("NOAUTH no", "PING"))).toBe(true);
  expect(isRefusedLogin(new ServerError("ERR invalid password", "AUTH"))).toBe(true);
  expect(isRefusedLogin(new ServerError("LOADING", "AUTH"))).toBe(false);
  expect(isRefusedLogin(new ServerError("ERR DB index is out of range", "SELECT"))).toBe(false);
  expect(isRefusedLogin(new ConnectionError("lost"))).toBe(false);
});

test.each([
  ["NOPERM no permissions to access a channel", true],
  ["ERR unknown command 'SSUBSCRIBE'", true],
  ["ERR unknown command `SSUBSCRIBE`, with args beginning with: `a`, ", true],
  ["ERR unsupported command", true],
  ["ERR upstream connect error, try again later", false],
  ["ERR max number of subscriptions reached", false],
  ["NOAUTH Authentication required.", false],
  ["LOADING Redis is loading the dataset in memory", false],
])("whether a subscription is refused for good: %s", (message, lasting) => {
  expect(isLasting(new ServerError(message))).toBe(lasting);
});

describe("a command that the server lacks is told with the version that has it", () => {
  test.each([
    ["SSUBSCRIBE", "ERR unknown command 'SSUBSCRIBE', with args beginning with: 'a' ", "7.0"],
    ["SPUBLISH", "ERR unknown command `SPUBLISH`", "7.0"],
    ["PUBSUB", "ERR Unknown subcommand or wrong number of arguments for 'SHARDNUMSUB'. Try PUBSUB HELP.", "7.0"],
    ["PUBSUB", "ERR unknown subcommand 'shardchannels'. Try PUBSUB HELP.", "7.0"],
    ["HELLO", "ERR unknown command 'HELLO'", "6.0"],
  ])("%s: %s", (command, message, version) => {
    const error = refusalOf(new ServerError(message), command);
    expect(error.message).toMatch(new RegExp(`^ERR unknown.*needs Redis ${version} or newer, or Valkey\\.$`, "i"));
    expect(error).toMatchObject({ code: "ERR", command });
  });

  test("others are told as they are", () => {
    const message = "ERR unknown command 'FOO'";
    expect(refusalOf(new ServerError(message), "FOO")).toMatchObject({ message, command: "FOO" });
    const denied = "NOPERM no permissions";
    expect(refusalOf(new ServerError(denied), "SSUBSCRIBE")).toMatchObject({ message: denied });
  });
});
