import { describe, expect, test } from "vitest";
import { ServerError } from "../../src/errors.ts";
import { withVersion } from "../../src/server-versions.ts";

describe("a command that the server lacks", () => {
  test.each([
    [
      "ERR unknown command `SSUBSCRIBE`",
      "SSUBSCRIBE",
      "ERR unknown command `SSUBSCRIBE`. SSUBSCRIBE needs Redis 7.0 or any Valkey.",
    ],
    [
      "ERR unknown command 'spublish'",
      "SPUBLISH",
      "ERR unknown command 'spublish'. SPUBLISH needs Redis 7.0 or any Valkey.",
    ],
    [
      "ERR Unknown subcommand or wrong number of arguments for 'shardchannels'. Try PUBSUB HELP.",
      "PUBSUB",
      "ERR Unknown subcommand or wrong number of arguments for 'shardchannels'. Try PUBSUB HELP. PUBSUB SHARDCHANNELS needs Redis 7.0 or any Valkey.",
    ],
  ])("is told with the version that has it: %s", (message, command, told) => {
    expect(withVersion(message, command)).toBe(told);
    // A refusal may be told of again, with its names.
    const error = new ServerError(message).about(command).about(command, ["a"]);
    expect([error.message, error.code, error.names]).toEqual([told, "ERR", ["a"]]);
  });

  test.each([
    ["ERR unknown command 'NOSUCH'", "NOSUCH"],
    ["ERR unknown subcommand 'X'. Try PUBSUB HELP.", "PUBSUB"],
    ["NOPERM this user has no permissions to run the 'ssubscribe' command", "SSUBSCRIBE"],
    ["CLUSTERDOWN Hash slot not served", "SPUBLISH"],
  ])("anything else is told as it is: %s", (message, command) => {
    expect(withVersion(message, command)).toBe(message);
  });
});
