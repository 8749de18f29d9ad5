import { describe, expect, test } from "vitest";
import {
  isLasting,
  isPassing,
  isRefusedLogin,
  isTerminal,
  isTurnedAway,
  refusalOf,
  withClusterAdvice,
} from "../../../src/connection/refusals.ts";
import { ArgumentError, ClusterError, ConnectionError, ServerError, TimeoutError } from "../../../src/errors.ts";

const noLogin = new ServerError("WRONGPASS invalid", "HELLO");
const allRefuse = new AggregateError([noLogin, noLogin]);
const oneRefuses = new AggregateError([noLogin, new ConnectionError("lost")]);

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
    ["a wrong argument", new ArgumentError("no"), true],
    ["a cluster of which all nodes refuse", new ClusterError("none", { cause: allRefuse }), true],
    ["a cluster of which one node may answer", new ClusterError("none", { cause: oneRefuses }), false],
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

test("a server that has too many clients turns this one away", () => {
  expect(isTurnedAway(new ServerError("ERR max number of clients reached"))).toBe(true);
  expect(isTurnedAway(new ServerError("ERR max number of subscriptions reached"))).toBe(false);
  expect(isTurnedAway(new ConnectionError("max number of clients reached"))).toBe(false);
});

describe("a client of a single server that meets a node of a cluster", () => {
  test.each(["MOVED 5 h:1", "ASK 5 h:1", "CROSSSLOT Keys in request don't hash to the same slot"])(
    "is advised to use RedisCluster: %s",
    (message) => {
      const advised = withClusterAdvice(new ServerError(message, "GET", ["a"]));
      expect(advised).toMatchObject({
        message: `${message}. The server is a node of a cluster: use RedisCluster.`,
        command: "GET",
        names: ["a"],
      });
    },
  );

  test.each([new ServerError("ERR no"), new ConnectionError("MOVED 5 h:1"), "MOVED", null])(
    "is told other errors as they are: %s",
    (error) => {
      expect(withClusterAdvice(error)).toBe(error);
    },
  );
});
