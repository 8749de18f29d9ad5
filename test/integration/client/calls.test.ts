import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, Redis, ServerError } from "../../../src/index.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { reasonOf } from "./outcome.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

describe("call() gives every kind of reply", () => {
  test("of RESP3", async () => {
    await using client = new Redis(server.url);
    const kinds: [string, unknown][] = [
      ["STRING", "Hello World"],
      ["INTEGER", 12345],
      // Redis 6.0 has more digits.
      ["DOUBLE", expect.closeTo(Math.PI, 2)],
      ["NULL", null],
      ["ARRAY", [0, 1, 2]],
      ["SET", new Set([0, 1, 2])],
      [
        "MAP",
        new Map([
          [0, false],
          [1, true],
          [2, false],
        ]),
      ],
      ["BIGNUM", 1234567999999999999999999999999999999n],
      ["TRUE", true],
      ["FALSE", false],
      ["VERBATIM", "This is a verbatim\nstring"],
      ["ATTRIB", "Some real reply following the attribute"],
    ];
    for (const [kind, reply] of kinds) {
      expect(await client.call("DEBUG", "PROTOCOL", kind), kind).toEqual(reply);
    }
  });

  test("of RESP2", async () => {
    await using client = new Redis(server.url, { protocol: 2 });
    expect(await client.call("DEBUG", "PROTOCOL", "MAP")).toEqual([0, 0, 1, 1, 2, 0]);
    expect(await client.call("DEBUG", "PROTOCOL", "SET")).toEqual([0, 1, 2]);
    expect(await client.call("DEBUG", "PROTOCOL", "NULL")).toBeNull();
    expect(await client.call("DEBUG", "PROTOCOL", "DOUBLE")).toMatch(/^3\.141/);
  });

  test.each([2, 3] as const)("nested, empty and missing (RESP%i)", async (protocol) => {
    await using client = new Redis(server.url, { protocol });
    const script = "return {1, {'a', {}}, false, {ok='FINE'}, {err='ERR inside'}}";
    expect(await client.call("EVAL", script, 0)).toEqual([1, ["a", []], null, "FINE", expect.any(ServerError)]);
    expect(await client.call("GET", "missing")).toBeNull();
    expect(await client.call("LRANGE", "missing", 0, -1)).toEqual([]);
    expect(await client.call("SET", "empty", "")).toBe("OK");
    expect(await client.call("GET", "empty")).toBe("");
  });

  test("a map of a hash in RESP3", async () => {
    await using client = new Redis(server.url);
    expect(await client.call("HSET", "hash", "a", 1, "b", 2)).toBe(2);
    expect(await client.call("HGETALL", "hash")).toEqual(
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
  });

  test("integers beyond what a number holds, exactly", async () => {
    await using client = new Redis(server.url);
    await client.call("SET", "big", "9007199254740993");
    expect(await client.call("INCR", "big")).toBe(9007199254740994n);
  });

  test("an error as a ServerError with its code and the command", async () => {
    await using client = new Redis(server.url);
    await client.call("SET", "text", "a");
    const reason = await reasonOf(client.call("incr", "text"));
    expect(reason).toBeInstanceOf(ServerError);
    expect(reason).toMatchObject({ code: "ERR", command: "INCR", name: "ServerError" });
    expect(await reasonOf(client.call("LPUSH", "text", "a"))).toMatchObject({ code: "WRONGTYPE" });
    const unknown = await reasonOf(client.call("NOSUCH", "a-payload"));
    expect(unknown.message).toContain("unknown command");
    expect(unknown.message).not.toContain("a-payload");
  });

  test.each([2, 3] as const)("a list that looks like a message (RESP%i)", async (protocol) => {
    await using client = new Redis(server.url, { protocol });
    const lists = [
      ["message", "a", "b"],
      ["pmessage", "a*", "a", "b"],
      ["smessage", "a", "b"],
      ["subscribe", "a", "1"],
      ["pong", "a"],
    ];
    for (const [index, list] of lists.entries()) {
      await client.call("RPUSH", `list-${protocol}-${index}`, ...list);
      expect(await client.call("LRANGE", `list-${protocol}-${index}`, 0, -1)).toEqual(list);
    }
  });
});

describe("call() sends every kind of argument", () => {
  test("bytes as they are", async () => {
    await using client = new Redis(server.url);
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(await client.call("SET", all, new Uint8Array(all))).toBe("OK");
    expect(await server.control.raw("GET", all)).toEqual(all);
    const window = new Uint8Array(all.buffer, all.byteOffset + 10, 5);
    await client.call("SET", "window", window);
    expect(await server.control.raw("GET", "window")).toEqual(Buffer.from([10, 11, 12, 13, 14]));
  });

  test("text as UTF-8, numbers, line ends and empty text", async () => {
    await using client = new Redis(server.url);
    for (const value of ["é€😀", "\r\n+OK\r\n", "", "\u0000", "$5\r\nhello\r\n"]) {
      await client.call("SET", "text", value);
      expect(await client.call("GET", "text")).toBe(value);
    }
    await client.call("SET", "number", -1.5);
    expect(await client.call("GET", "number")).toBe("-1.5");
  });

  test("large ones", async () => {
    await using client = new Redis(server.url);
    const [text, blob] = ["é".repeat(1_000_000), Buffer.alloc(3_000_000, 0xfe)];
    await Promise.all([client.call("SET", "large", text), client.call("SET", "blob", blob)]);
    expect((await client.call("GET", "large")) === text).toBe(true);
    expect(await client.call("STRLEN", "blob")).toBe(3_000_000);
  });

  test("and refuses others at once", async () => {
    await using client = new Redis(server.url);
    const call = client.call.bind(client) as (...args: unknown[]) => Promise<unknown>;
    for (const args of [[], [""], [1], ["GET", undefined], ["GET", null], ["GET", {}], ["GET", true], ["GET", 1n]]) {
      expect(await reasonOf(call(...args))).toBeInstanceOf(ArgumentError);
    }
    expect(client.state).toBe("idle");
  });
});

describe("call() refuses what would take the connection away", () => {
  test.each([
    ...["SUBSCRIBE", "psubscribe", "Ssubscribe", "UNSUBSCRIBE", "PUNSUBSCRIBE", "sunsubscribe"],
    ...["MONITOR", "monitor ", " RESET", "reset", "QUIT", "quit", "HELLO", "hello", "HELLO 3", "subscribe news"],
  ])("%j", async (command) => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url);
    expect(await reasonOf(client.call(command, "3"))).toBeInstanceOf(ArgumentError);
    expect(fake.commands).toEqual([]);
  });

  test.each(["REPLY", "reply", "Reply"])("CLIENT %s", async (subcommand) => {
    await using client = new Redis(server.url);
    expect(await reasonOf(client.call("client", subcommand, "OFF"))).toBeInstanceOf(ArgumentError);
    expect(await reasonOf(client.call("CLIENT", Buffer.from(subcommand), "OFF"))).toBeInstanceOf(ArgumentError);
    expect(await client.call("PING")).toBe("PONG");
  });
});

describe("commands of one tick", () => {
  test("are answered in their order, ten thousand of them", async () => {
    await using client = new Redis(server.url);
    const words = Array.from({ length: 10_000 }, (_, index) => `word-${index}`);
    expect(await Promise.all(words.map((word) => client.call("ECHO", word)))).toEqual(words);
  });

  test("reach the server in few pieces", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url);
    await client.connect();
    const before = fake.commands.length;
    const times = new Set<number>();
    await Promise.all(Array.from({ length: 1000 }, () => client.publish("a", "b")));
    const publishes = fake.commands.slice(before);
    for (const { at } of publishes) times.add(at);
    expect(publishes.map(({ name }) => name)).toEqual(new Array(1000).fill("PUBLISH"));
    // Each would otherwise wait for the reply of the one before it.
    expect(times.size).toBeLessThan(500);
  });

  test("need no round trip each", async () => {
    await using proxy = await startProxy(server.port);
    proxy.delay(50, "toServer");
    await using client = new Redis({ host: proxy.host, port: proxy.port });
    await client.connect();
    const began = performance.now();
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, index) => client.call("ECHO", index)));
    expect(replies).toHaveLength(1000);
    // One after the other they would take 50 seconds.
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test("succeed and fail each by itself", async () => {
    await using client = new Redis(server.url);
    await client.call("SET", "mixed", "text");
    const outcomes = await Promise.allSettled([
      client.call("INCR", "mixed"),
      client.call("GET", "mixed"),
      client.call("SUBSCRIBE", "x"),
      client.publish("a", "b"),
      client.call("LPUSH", "mixed", "a"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
  });
});

describe.each([3, 2] as const)("callBuffer() gives Buffers (RESP%i)", (protocol) => {
  test("for bulk, simple and verbatim strings, and in maps", async () => {
    await using client = new Redis(server.url, { protocol });
    const raw = Buffer.from([0xff, 0x00, 0xfe]);
    expect(await client.callBuffer("SET", "raw", raw)).toEqual(Buffer.from("OK"));
    expect(await client.callBuffer("GET", "raw")).toEqual(raw);
    expect(await client.callBuffer("GET", "missing")).toBeNull();
    await client.call("HSET", `callBuffer ${protocol}`, raw, "1");
    const hash = await client.callBuffer("HGETALL", `callBuffer ${protocol}`);
    expect(hash).toEqual(protocol === 3 ? new Map([[raw, Buffer.from("1")]]) : [raw, Buffer.from("1")]);
    const info = await client.callBuffer("INFO", "server");
    expect(Buffer.isBuffer(info) && info.toString()).toContain("tcp_port");
    expect(await client.callBuffer("STRLEN", "raw")).toBe(3);
    await expect(client.callBuffer("SUBSCRIBE", "a")).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});
