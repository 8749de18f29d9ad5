import { asIoredis, asNodeRedis } from "tidings/compat";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, start } from "./fixtures.ts";

let deployment: Deployment;

beforeAll(async () => {
  deployment = await start();
});

afterAll(() => deployment[Symbol.asyncDispose]());

describe("asIoredis", () => {
  test("passes simple commands on, with replies as RESP2 has them", async () => {
    const face = asIoredis(deployment.client());
    expect(await face.set("text", "ä", "EX", 10)).toBe("OK");
    expect(await face.get("text")).toBe("ä");
    expect(await face.getBuffer("text")).toEqual(Buffer.from("ä"));
    expect(await face.incrby("number", 2)).toBe(2);
    expect(await face.hset("hash", { one: 1, two: "2" })).toBe(2);
    expect(await face.hgetall("hash")).toEqual({ one: "1", two: "2" });
    expect(await face.mset(["k1", "v1"], ["k2", "v2"] as never)).toBe("OK");
    expect(await face.mget(["k1", "k2", "none"])).toEqual(["v1", "v2", null]);
    expect(await face.sadd("set", "one")).toBe(1);
    expect(await face.smembers("set")).toEqual(["one"]);
    expect(await face.call("CONFIG", "GET", "maxclients")).toEqual(["maxclients", expect.any(String)]);
    expect(await face.pubsub("CHANNELS")).toEqual([]);
    expect(await face.pubsub("NUMPAT" as never)).toBe(0);
  });

  test("gives the server's own text of an error, which libraries read", async () => {
    const face = asIoredis(deployment.client());
    await face.set("word", "word");
    await expect(face.incr("word")).rejects.toThrow(/^ERR value is not an integer or out of range$/);
  });

  test("makes methods of scripts", async () => {
    const face = asIoredis(deployment.client());
    const lua = "return {KEYS[1], ARGV[1]}";
    expect(await face.eval(lua, 1, "key", "argument")).toEqual(["key", "argument"]);
    face.defineCommand("pair", { numberOfKeys: 1, lua });
    const { pair } = face as unknown as { pair(...args: string[]): Promise<unknown> };
    expect(await pair("key", "argument")).toEqual(["key", "argument"]);
    expect(await pair("key", "argument")).toEqual(["key", "argument"]);
  });

  test.each(["pipeline", "multi", "monitor", "blpop", "scanStream", "xread"])(
    "%s throws an error that says what to do",
    (method) => {
      const face = asIoredis(deployment.client()) as unknown as Record<string, () => unknown>;
      expect(() => face[method]?.()).toThrow(`asIoredis has no ${method}(). The face passes on Pub/Sub`);
    },
  );

  test("commands that would change the shared connection are refused, and subscriptions go their way", async () => {
    const face = asIoredis(deployment.client());
    await expect(face.call("SELECT", "1")).rejects.toThrow(/SELECT/);
    expect(await face.call("SUBSCRIBE", "a")).toBe(1);
    await expect(face.set(null as never, "value")).rejects.toThrow(/takes strings, numbers and Buffers, not null/);
  });
});

describe("asNodeRedis", () => {
  test("passes simple commands on, in node-redis' ways", async () => {
    const face = asNodeRedis(deployment.client());
    expect(await face.set("own", "value", { EX: 10, NX: true })).toBe("OK");
    expect(await face.set("own", "value", { NX: true })).toBeNull();
    expect(await face.GET("own")).toBe("value");
    expect(await face.incr("count")).toBe(1);
    expect(await face.hSet("fields", { one: "1" })).toBe(1);
    expect(await face.hGetAll("fields")).toEqual({ one: "1" });
    expect(await face.eval("return {KEYS[1], ARGV[1]}", { keys: ["k"], arguments: ["a"] })).toEqual(["k", "a"]);
    expect(await face.pubSubNumSub(["none"])).toEqual({ none: 0 });
    expect(await face.sendCommand(["PING"])).toBe("PONG");
  });

  test.each(["multi", "xAdd", "scanIterator", "watch"])("%s throws an error that says what to do", (method) => {
    const face = asNodeRedis(deployment.client()) as unknown as Record<string, () => unknown>;
    expect(() => face[method]?.()).toThrow(`asNodeRedis has no ${method}(). Use sendCommand`);
  });

  test("subscribe without a listener is refused", async () => {
    const face = asNodeRedis(deployment.client());
    await expect(face.subscribe("a", undefined as never)).rejects.toThrow(/takes a listener/);
  });
});

test("libraries tell the two shapes apart", () => {
  const [io, node] = [asIoredis(deployment.client()), asNodeRedis(deployment.client())] as unknown as Record<
    string,
    unknown
  >[];
  const has = (face: Record<string, unknown> | undefined): unknown[] =>
    ["defineCommand", "psubscribe", "pSubscribe", "sSubscribe", "isCluster", "masters"].map(
      (key) => typeof face?.[key],
    );
  expect(has(io)).toEqual(["function", "function", "undefined", "undefined", "boolean", "undefined"]);
  expect(has(node)).toEqual(["undefined", "undefined", "function", "function", "undefined", "undefined"]);
});
