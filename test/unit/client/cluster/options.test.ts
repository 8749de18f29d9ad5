import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { resolveClusterOptions } from "../../../../src/client/cluster/options.ts";
import { RedisCluster } from "../../../../src/client/cluster/redis-cluster.ts";
import { bytes, utf8 } from "../../../../src/codec.ts";
import { ArgumentError } from "../../../../src/errors.ts";

/** What the constructor throws for these arguments, as from JavaScript. */
function refusal(...args: unknown[]): Error {
  try {
    Reflect.construct(RedisCluster, args);
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    if (error instanceof Error) return error;
  }
  throw new Error(`accepted: ${inspect(args)}`);
}

const announced = (host: string, port: number) => ({ host, port });

describe("seeds", () => {
  test("are those of the URL, of the option, or localhost", () => {
    const seeds = (first?: unknown, second?: unknown) => resolveClusterOptions(first, second).seeds;
    expect(seeds()).toEqual([announced("localhost", 6379)]);
    expect(seeds("redis://a:1,b")).toEqual([announced("a", 1), announced("b", 6379)]);
    expect(seeds(new URL("redis://a:1"))).toEqual([announced("a", 1)]);
    expect(seeds({ seeds: [{ host: "a" }, { host: "b", port: 2 }, { host: "c", port: undefined }] })).toEqual([
      announced("a", 6379),
      announced("b", 2),
      announced("c", 6379),
    ]);
    expect(seeds({ seeds: new Set([{ host: "a", port: 1 }]) })).toEqual([announced("a", 1)]);
    expect(seeds("redis://a:1", {})).toEqual([announced("a", 1)]);
  });

  test.each([
    ["a string", "a:1"],
    ["a number", 5],
    ["none", []],
    ["a node without a host", [{ port: 1 }]],
    ["an empty host", [{ host: "" }]],
    ["a port as text", [{ host: "a", port: "1" }]],
    ["port 0", [{ host: "a", port: 0 }]],
    ["a port that is too large", [{ host: "a", port: 65_536 }]],
    ["an unknown word", [{ host: "a", prot: 1 }]],
    ["text", ["a:1"]],
    ["null", [null]],
  ])("%s is refused", (_, seeds) => {
    expect(refusal({ seeds }).message).not.toBe("");
  });

  test("two sources are refused: a URL and a list", () => {
    expect(refusal("redis://a", { seeds: [{ host: "b" }] }).message).toContain('"seeds"');
  });
});

describe("natMap", () => {
  const reach = (natMap: unknown, host = "10.0.0.1", port = 7000) =>
    resolveClusterOptions({ natMap }, undefined).translate({ host, port });

  test("leaves addresses as they are by default", () => {
    expect(reach(undefined)).toEqual(announced("10.0.0.1", 7000));
  });

  test("as an object, by host:port; what it does not name stays", () => {
    const map = { "10.0.0.1:7000": announced("a", 1) };
    expect([reach(map), reach(map, "10.0.0.2")]).toEqual([announced("a", 1), announced("10.0.0.2", 7000)]);
    expect(reach({}, "__proto__", 1)).toEqual(announced("__proto__", 1));
  });

  test("as a function; null and undefined leave the address", () => {
    expect(reach(({ port }: { port: number }) => announced("a", port + 1))).toEqual(announced("a", 7001));
    expect([reach(() => null), reach(() => undefined)]).toEqual(new Array(2).fill(announced("10.0.0.1", 7000)));
  });

  test("what a function gives that is no address is an ArgumentError that names the announced one", () => {
    for (const wrong of [
      "a:1",
      { host: "a" },
      { host: "", port: 1 },
      { host: "a", port: 0 },
      { host: "a", port: "1" },
      5,
    ]) {
      expect(() => reach(() => wrong)).toThrow(ArgumentError);
      expect(() => reach(() => wrong)).toThrow("10.0.0.1:7000");
    }
  });

  test.each([5, "a", null, { "a:1": "b:2" }, { "a:1": { host: "b" } }, { "a:1": null }])("%o is refused", (natMap) => {
    expect(refusal({ natMap }).message).toContain("natMap");
  });
});

describe("the other options", () => {
  test("have their defaults", () => {
    const resolved = resolveClusterOptions(undefined, undefined);
    expect(resolved).toMatchObject({
      readFromReplicas: false,
      topologyRefreshInterval: 60_000,
      commandTimeout: 10_000,
    });
    expect(resolved.codec).toBe(utf8);
    expect(
      resolveClusterOptions({ codec: bytes, readFromReplicas: true, topologyRefreshInterval: 5 }, undefined),
    ).toMatchObject({
      codec: bytes,
      readFromReplicas: true,
      topologyRefreshInterval: 5,
    });
  });

  test.each<[string, unknown[]]>([
    ["readFromReplicas", [1, "yes", null]],
    ["topologyRefreshInterval", [0, -1, "1", Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, null]],
    ["protocol", [1, "3", null]],
    ["connectTimeout", [0, "1", null]],
    ["tls", ["true", 1, null]],
    ["signal", [{}, null]],
  ])("%s of a wrong kind is refused by its name", (name, values) => {
    for (const value of values) expect(refusal({ [name]: value }).message).toContain(name);
  });

  test.each([
    ["readFromReplica", "readFromReplicas"],
    ["seed", "seeds"],
    ["natmap", "natMap"],
    ["topologyRefreshIntervall", "topologyRefreshInterval"],
    ["pasword", "password"],
  ])("the unknown option %s is refused with %s, the nearest", (given, nearest) => {
    const { message } = refusal({ [given]: undefined });
    expect(message).toContain(`"${given}"`);
    expect(message).toContain(`"${nearest}"`);
  });

  test.each(["host", "port", "path", "db"])("%s, which a single server has, is refused", (name) => {
    expect(refusal({ [name]: 1 }).message).toContain(`"${name}"`);
  });

  test("login and TLS of the URL hold; options go before it", async () => {
    const { connection } = resolveClusterOptions("rediss://ann:secret@a,b", undefined);
    expect([connection.tls !== null, await connection.credentials()]).toEqual([
      true,
      { username: "ann", password: "secret" },
    ]);
    const other = resolveClusterOptions("redis://ann:secret@a,b", { password: "better", tls: true }).connection;
    expect([other.tls !== null, await other.credentials()]).toEqual([true, { username: "ann", password: "better" }]);
  });

  test("no arguments at all, undefined and null are no mistake where they stand for nothing", () => {
    expect(new RedisCluster().state).toBe("idle");
    expect(new RedisCluster(undefined).state).toBe("idle");
    expect(new RedisCluster("redis://a,b", undefined).state).toBe("idle");
    expect(refusal(5).message).not.toBe("");
  });
});
