import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { json, Redis, RedisCluster } from "../../../src/index.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { reasonOf } from "./outcome.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

/** What a constructor says. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: "ARGUMENT" });
    return (error as Error).message;
  }
  return "nothing was thrown";
}

/** What a call says. */
async function said(call: Promise<unknown>): Promise<string> {
  const error = (await reasonOf(call)) as Error;
  return error.message;
}

describe("options of other clients are refused with what they are called here", () => {
  test.each([
    ["url", "The URL is the first argument"],
    ["lazyConnect", "connects at its first use"],
    ["maxRetriesPerRequest", '"commandTimeout" bounds the wait'],
    ["retryStrategy", 'Here it is "retryPolicy"'],
    ["enableOfflineQueue", 'no longer than "commandTimeout"'],
    ["keyPrefix", "names are sent as they are"],
    ["socket", "Its fields are options of their own"],
    ["reconnectOnError", "There is none"],
    ["sentinels", "Sentinel is not supported"],
    ["connectionName", 'Here it is "clientName"'],
    ["seeds", "RedisCluster"],
  ])("%s", (name, words) => {
    const message = refusal(() => new Redis({ [name]: "x" } as never));
    expect(message).toContain(`Redis knows no option "${name}".`);
    expect(message).toContain(words);
    expect(message).not.toContain("Did you mean");
  });

  test("of a cluster's as well", () => {
    expect(refusal(() => new RedisCluster({ scaleReads: "slave" } as never))).toContain(
      'Here it is "readFromReplicas"',
    );
    expect(refusal(() => new RedisCluster({ rootNodes: [] } as never))).toContain('Here they are "seeds"');
  });

  test("a name that is near nothing is answered with all that is known", async () => {
    expect(refusal(() => new Redis({ zzzzzzzz: 1 } as never))).toContain('Known are "host", "port"');
    expect(refusal(() => new Redis({ conectTimeout: 1 } as never))).toContain('Did you mean "connectTimeout"?');
  });
});

describe("URLs", () => {
  test("without a scheme are answered with the one that is meant", () => {
    for (const text of ["localhost:6379", "10.0.0.1:6379", "redis.internal"]) {
      expect(refusal(() => new Redis(text))).toContain(`Did you mean "redis://${text}"?`);
    }
  });

  test("of several servers lead to RedisCluster", () => {
    for (const make of [
      () => new Redis("redis://a:1,b:2"),
      () => new Redis("redis://user:pass@a:1,b:2/0"),
      () => new Redis("redis://a:1", "redis://b:2" as never),
    ]) {
      expect(refusal(make)).toContain("use RedisCluster");
    }
  });
});

describe("arguments in the wrong place", () => {
  test("the handler first, options among the names", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "a" });
    const handler = () => {};
    expect(await said(consumer.subscribe(handler as never, "b" as never))).toContain(
      "Names come first, then the handler",
    );
    expect(await said(client.subscribe(handler as never))).toContain("Names come first, then the handler");
    expect(await said(client.subscribe(handler as never, "b" as never))).toContain("takes names, then a handler");
    expect(await said(consumer.subscribe("a", "b", { timeout: 1 } as never))).toContain("Options come last");
    expect(await said(client.subscribe("a", "b" as never))).toContain("Give several names as an array");
    expect(await said(client.subscribe("a", { timeout: 1 } as never, handler as never))).toContain(
      "then a handler, then options",
    );
  });

  test("a signal or a number where options go", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "a" });
    const { signal } = new AbortController();
    expect(await said(consumer.receive(signal as never))).toContain("{ signal }");
    expect(await said(consumer.getMessage(signal as never))).toContain("{ signal }");
    expect(refusal(() => consumer.messages(signal as never))).toContain("{ signal }");
    expect(await said(consumer.receive(1000 as never))).toContain("{ timeout: milliseconds }");
    expect(await said(consumer.drain(1000 as never))).toContain("{ timeout: milliseconds }");
  });

  test("a schema, or JSON, where a codec goes", async () => {
    const schema = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } };
    expect(refusal(() => new Redis({ codec: schema as never }))).toContain("json(schema)");
    expect(refusal(() => new Redis({ codec: JSON as never }))).toContain("json()");
    expect(() => new Redis({ codec: json(schema as never) })).not.toThrow();
  });

  test("a policy of a full buffer that is none", async () => {
    await using client = new Redis(server.url);
    const message = await said(client.pubsub({ buffer: { overflow: "drop" as never } }));
    for (const value of ["pause", "drop-oldest", "drop-newest", "error"])
      expect(message.split(`"${value}"`)).toHaveLength(2);
  });

  test("listening for messages", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "a" });
    for (const one of [client, consumer]) {
      expect(refusal(() => one.on("message", (() => {}) as never))).toContain("give subscribe() a handler");
      expect(refusal(() => one.once("pmessage", (() => {}) as never))).toContain("give subscribe() a handler");
    }
  });
});

describe("call() refuses, with the way out", () => {
  test.each([
    ["MULTI", [], "transaction"],
    ["EXEC", [], "transaction"],
    ["WATCH", ["a"], "transaction"],
    ["SELECT", [1], '"db"'],
    ["AUTH", ["x"], '"password"'],
    ["BLPOP", ["a", 0], "another client"],
    ["BZMPOP", [0, 1, "a", "MIN"], "another client"],
    ["XREAD", ["COUNT", 1, "block", 0, "STREAMS", "a", "$"], "another client"],
    ["WAIT", [1, 0], "another client"],
    ["CLIENT", ["TRACKING", "ON"], "CLIENT TRACKING"],
    ["client", ["pause", 10], "CLIENT PAUSE"],
    ["SHUTDOWN", [], "redis-cli"],
    ["PSYNC", ["?", -1], "replica"],
    ["READONLY", [], "readFromReplicas"],
  ] as const)("%s %s", async (command, args, words) => {
    await using client = new Redis(server.url);
    const message = await said(client.call(command, ...args));
    expect(message).toContain("call() refuses");
    expect(message).toContain(words);
    expect(await said(client.callBuffer(command, ...args))).toBe(message);
    expect(await client.publish("a", "x")).toBe(0);
  });

  test("but not what only looks like it", async () => {
    await using client = new Redis(server.url);
    await client.call("XADD", "mistakes", "*", "a", "block");
    expect(await client.call("XREAD", "COUNT", 1, "STREAMS", "mistakes", "0")).toBeTruthy();
    expect(await client.call("CLIENT", "GETNAME")).toBeDefined();
  });
});

describe("a time-out of receive() says why nothing may come", () => {
  test.each([
    ["nothing is subscribed", {}, "Nothing is subscribed"],
    [
      "a glob was subscribed as a channel",
      { channels: "news.*" },
      '"news.*" is a channel here; a pattern takes psubscribe()',
    ],
    ["all have handlers", { channelHandlers: { a: () => {} } }, "All that is subscribed has handlers"],
    [
      "one has a handler",
      { channels: "b", channelHandlers: { a: () => {} } },
      '"a" has a handler, which takes its messages',
    ],
  ])("%s", async (_, options, words) => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub(options);
    expect(await said(consumer.receive({ timeout: 1 }))).toContain(words);
  });
});

describe("servers that want something else", () => {
  test("a password where none is given", async () => {
    await using fake = await startFakeServer();
    for (const verb of ["HELLO", "CLIENT", "PING"]) {
      fake.handle(verb, (_, connection) => connection.write("-NOAUTH Authentication required.\r\n"));
    }
    await using client = new Redis(fake.url, { clientInfo: false });
    expect(await said(client.connect())).toContain(
      'set "password" (and "username"), or write redis://user:password@host',
    );
  });

  test("a server that is older than shard channels", async () => {
    await using fake = await startFakeServer();
    for (const verb of ["SSUBSCRIBE", "SPUBLISH"]) {
      fake.handle(verb, (_, connection) =>
        connection.write(`-ERR unknown command '${verb}', with args beginning with:\r\n`),
      );
    }
    await using client = new Redis(fake.url);
    const calls = [client.ssubscribe("a"), client.shardedPubsub({ channels: "a" }), client.spublish("a", "x")];
    for (const message of await Promise.all(calls.map(said))) expect(message).toContain("needs Redis 7.0 or newer");
  });

  test.skipIf(lacks("shardChannels"))("a node of a cluster met by Redis", async () => {
    await using cluster = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error("no node");
    await using client = new Redis(node.url);
    const elsewhere = cluster.channelsFor(cluster.primaries[1] ?? node, 1)[0] ?? "";
    const calls = [client.call("GET", elsewhere), client.spublish(elsewhere, "x"), client.ssubscribe(elsewhere)];
    for (const error of (await Promise.all(calls.map(reasonOf))) as Error[]) {
      expect(error).toMatchObject({ code: "MOVED" });
      expect(error.message).toContain("use RedisCluster");
    }
  });

  test("handlers that are null are none, and maps of names find bytes", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channelHandlers: { a: null } });
    await consumer.subscribe({ b: null, c: () => {} });
    await consumer.subscribe(new Map([["c", null]]));
    expect([...consumer.channels]).toEqual([
      ["a", null],
      ["b", null],
      ["c", null],
    ]);
    await consumer.subscribe(consumer.channels);
    const counts = await client.pubsubNumsub("a", "none");
    expect(counts.get(Buffer.from("a") as never)).toBe(1);
  });
});
