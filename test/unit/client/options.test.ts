import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { resolveOptions } from "../../../src/client/options.ts";
import { Redis } from "../../../src/client/redis.ts";
import { bytes, utf8 } from "../../../src/codec.ts";
import { noRetry } from "../../../src/core/backoff.ts";
import { ArgumentError } from "../../../src/errors.ts";

/** What the constructor throws for these arguments, as from JavaScript. */
function refusal(...args: unknown[]): Error {
  try {
    Reflect.construct(Redis, args);
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    if (error instanceof Error) return error;
  }
  throw new Error(`accepted: ${inspect(args)}`);
}

const login = (first: unknown, second?: unknown): unknown => resolveOptions(first, second).connection.credentials();

describe("an option of a wrong kind is refused by its name", () => {
  const wrong: Record<string, unknown[]> = {
    host: [1, "", null, {}, []],
    port: ["6379", 0, -1, 65_536, 1.5, Number.NaN, null],
    path: [1, "", null, {}],
    db: ["0", -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null],
    username: [1, null, {}, Buffer.from("ann")],
    password: [1, null, {}, Buffer.from("secret")],
    credentials: [{ password: "secret" }, "secret", null, 1],
    tls: ["true", 1, null, []],
    clientName: ["two words", "new\nline", "é", {}, 5, true, null, ["name"]],
    clientInfo: ["no", 0, null, {}],
    family: ["4", 5, null, {}],
    protocol: ["3", 1, 4, null],
    connectTimeout: ["1", 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, null],
    commandTimeout: ["1", 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, null],
    retryPolicy: [{}, 1, "none", null],
    pool: [1, "8", null, [], { keep: -1 }, { keep: 1.5 }, { keep: "8" }, { idleTimeout: 0 }, { idleTimeout: "1" }],
    codec: ["utf8", {}, null, { decode: () => "" }, { encode: () => "" }, { decode: 1, encode: 2 }],
    names: ["text", 1, null, "utf-8"],
    lookup: ["127.0.0.1", {}, null],
    signal: [{}, { aborted: false }, null, new AbortController()],
  };

  for (const [name, values] of Object.entries(wrong)) {
    test.each(values.map((value) => [inspect(value), value]))(`${name}: %s`, (_shown, value) => {
      const { message } = refusal({ [name]: value });
      expect(message).toContain(name === "pool" && typeof value === "object" && value !== null ? "" : name);
    });
  }

  test("a wrong value is described and never shown", () => {
    expect(refusal({ credentials: "hunter2" }).message).not.toContain("hunter2");
    expect(refusal({ password: Buffer.from("hunter2") }).message).not.toContain("hunter2");
    expect(refusal({ username: ["hunter2"] }).message).not.toContain("hunter2");
  });
});

describe("an unknown option is refused with the nearest known one", () => {
  test.each([
    ["pasword", "password"],
    ["userName", "username"],
    ["hostname", "host"],
    ["database", "db"],
    ["reconnectPolicy", "retryPolicy"],
    ["connectionTimeout", "connectTimeout"],
  ])("%s", (unknown, nearest) => {
    const { message } = refusal({ [unknown]: "hunter2" });
    expect(message).toContain(`"${unknown}"`);
    if (unknown !== "database") expect(message).toContain(`"${nearest}"`);
    expect(message).not.toContain("hunter2");
  });

  test("inside the pool's options too", () => {
    expect(refusal({ pool: { keeps: 1 } }).message).toMatch(/"keeps".*"keep"/);
  });

  test("names of Object's prototype are no options", () => {
    expect(refusal({ toString: 1 }).message).toContain('"toString"');
  });

  test("with a URL too", () => {
    expect(refusal("redis://localhost", { timeout: 1 }).message).toContain('"timeout"');
  });
});

describe("what the constructor takes", () => {
  test.each([
    ["a number", [6379]],
    ["a boolean", [true]],
    ["an array", [[]]],
    ["options where the URL should be", [{}, {}]],
    ["options without a URL before them", [undefined, {}]],
    ["options that are no object", ["redis://localhost", 1]],
  ])("refuses %s", (_what, args) => {
    expect(refusal(...args).message).not.toBe("");
  });

  test("takes nothing at all, for a server on this machine", () => {
    expect(resolveOptions(undefined, undefined).connection.endpoint).toEqual({ host: "localhost", port: 6379 });
  });

  test("takes a URL object", () => {
    expect(resolveOptions(new URL("redis://example.org:7000/1"), undefined).connection).toMatchObject({
      endpoint: { host: "example.org", port: 7000 },
      db: 1,
    });
  });

  test("takes undefined for any option", () => {
    const given = Object.fromEntries(["host", "port", "db", "tls", "pool", "signal"].map((name) => [name, undefined]));
    expect(resolveOptions("redis://example.org:7000/3", given).connection).toMatchObject({
      endpoint: { host: "example.org", port: 7000 },
      tls: null,
      db: 3,
    });
  });
});

describe("the defaults", () => {
  test("are those of the documentation", () => {
    const options = resolveOptions({}, undefined);
    expect(options).toMatchObject({
      commandTimeout: 10_000,
      pool: { keep: 8, idleTimeout: 30_000 },
      names: "utf8",
      signal: undefined,
      connection: {
        tls: null,
        rotates: false,
        clientName: null,
        clientInfo: true,
        protocol: 3,
        db: 0,
        connectTimeout: 10_000,
        lookup: undefined,
        family: 0,
      },
    });
    expect(options.codec).toBe(utf8);
    expect(options.retryPolicy(1, null)).toBeLessThanOrEqual(100);
  });

  test("give way to what is given", () => {
    const retryPolicy = noRetry();
    const options = resolveOptions(
      {
        protocol: 2,
        clientName: "me",
        pool: { keep: 0 },
        codec: bytes,
        names: "bytes",
        commandTimeout: 5,
        retryPolicy,
      },
      undefined,
    );
    expect(options).toMatchObject({ pool: { keep: 0, idleTimeout: 30_000 }, names: "bytes", commandTimeout: 5 });
    expect(options.connection).toMatchObject({ protocol: 2, clientName: "me" });
    expect(options.codec).toBe(bytes);
    expect(options.retryPolicy).toBe(retryPolicy);
  });
});

describe("options go before the URL", () => {
  test("for host, port and database", () => {
    const { connection } = resolveOptions("redis://example.org:7000/1", { port: 7001, db: 0 });
    expect(connection).toMatchObject({ endpoint: { host: "example.org", port: 7001 }, db: 0 });
    expect(resolveOptions("redis://example.org:7000", { host: "::1" }).connection.endpoint).toEqual({
      host: "::1",
      port: 7000,
    });
  });

  test("for the protocol and the kind of addresses", () => {
    const url = "redis://example.org?family=6&protocol=2";
    expect(resolveOptions(url, undefined).connection).toMatchObject({ family: 6, protocol: 2 });
    expect(resolveOptions(url, { family: 4, protocol: 3 }).connection).toMatchObject({ family: 4, protocol: 3 });
  });

  test("for user and password, one by one", () => {
    expect(login("redis://ann:one@localhost")).toEqual({ username: "ann", password: "one" });
    expect(login("redis://ann:one@localhost", { password: "two" })).toEqual({ username: "ann", password: "two" });
    expect(login("redis://ann:one@localhost", { username: "bob" })).toEqual({ username: "bob", password: "one" });
  });

  test("a unix socket replaces host and port of the URL", () => {
    expect(resolveOptions("redis://example.org", { path: "/run/s" }).connection.endpoint).toEqual({ path: "/run/s" });
  });

  test("tls as an object is used with a URL of either kind", () => {
    const tls = { servername: "example.org" };
    expect(resolveOptions("rediss://localhost", { tls }).connection.tls).toBe(tls);
    expect(resolveOptions("redis://localhost", { tls }).connection.tls).toBe(tls);
    expect(resolveOptions("redis://localhost", { tls: true }).connection.tls).toEqual({});
    expect(resolveOptions("redis://localhost", { tls: false }).connection.tls).toBeNull();
    expect(resolveOptions("rediss://localhost", undefined).connection.tls).toEqual({});
  });
});

describe("options that contradict each other are refused", () => {
  const credentials = () => ({ password: "secret" });
  test.each<[string, unknown[]]>([
    ["path and host", [{ path: "/run/s", host: "localhost" }]],
    ["path and port", [{ path: "/run/s", port: 6379 }]],
    ["a unix URL and host", ["unix:///run/s", { host: "localhost" }]],
    ["a unix URL and port", ["unix:///run/s", { port: 6379 }]],
    ["tls: false and rediss", ["rediss://localhost", { tls: false }]],
    ["tls: false and valkeys", ["valkeys://localhost", { tls: false }]],
    ["credentials and password", [{ credentials, password: "hunter2" }]],
    ["credentials and username", [{ credentials, username: "ann" }]],
    ["credentials and a URL with a login", ["redis://ann:hunter2@localhost", { credentials }]],
    ["credentials and a URL with a password", ["redis://:hunter2@localhost", { credentials }]],
    ["a username without a password", [{ username: "ann" }]],
    ["a username without a password in the URL", ["redis://ann@localhost"]],
  ])("%s", (_what, args) => {
    expect(refusal(...args).message).not.toContain("hunter2");
  });

  test("a username with an empty password is a login", () => {
    expect(login({ username: "ann", password: "" })).toEqual({ username: "ann", password: "" });
  });
});
