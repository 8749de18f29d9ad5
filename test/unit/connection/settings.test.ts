import { describe, expect, test } from "vitest";
import { address, checkCredentials } from "../../../src/connection/settings.ts";
import { ArgumentError } from "../../../src/errors.ts";

describe("credentials", () => {
  test.each([{}, { password: "secret" }, { username: "app", password: "" }, { username: undefined }])(
    "may be %j",
    (given) => {
      expect(checkCredentials(given)).toBe(given);
    },
  );

  test.each([
    ["text", "secret"],
    ["null", null],
    ["nothing", undefined],
  ])("are an object, not %s", (_what, given) => {
    expect(() => checkCredentials(given)).toThrow(/^The credentials are \{ username, password \}/);
  });

  test.each([{ password: 1 }, { username: {}, password: "x" }, { username: null, password: "x" }])(
    "are strings: %j",
    (given) => {
      expect(() => checkCredentials(given)).toThrow(/^A username and a password are strings/);
    },
  );

  test("that are refused are not shown", () => {
    for (const given of ["secret-1", { username: "a", password: ["secret-1"] }]) {
      const error = thrown(() => checkCredentials(given));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(String(error)).not.toContain("secret-1");
    }
  });

  test("with a username need a password", () => {
    expect(() => checkCredentials({ username: "app" })).toThrow(/A username needs a password/);
  });
});

describe("an address in messages", () => {
  test.each([
    [{ host: "redis.example", port: 6379 }, "redis.example:6379"],
    [{ host: "10.0.0.1", port: 1 }, "10.0.0.1:1"],
    [{ host: "::1", port: 6380 }, "[::1]:6380"],
    [{ path: "/run/redis.sock" }, "/run/redis.sock"],
  ])("of %j is %s", (endpoint, text) => {
    expect(address(endpoint)).toBe(text);
  });
});

function thrown(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
