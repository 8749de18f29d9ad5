import { getEventListeners } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, type CodecError, ConnectionError, json, Redis, TimeoutError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { reasonOf } from "./outcome.ts";

const soon = { connectTimeout: 150, readyTimeout: 150, retryPolicy: () => 20 };

describe("what a newcomer reads where there is no server", () => {
  test("pubsub() says why no connection could be made, with names and without", async () => {
    await using client = new Redis("redis://127.0.0.1:1", soon);
    for (const options of [{ channels: "a" }, {}]) {
      const reason = await reasonOf(client.pubsub(options));
      expect(reason).toBeInstanceOf(TimeoutError);
      expect(reason.message).toMatch(/^No connection within 150 ms\..*ECONNREFUSED/);
      expect(reason.cause).toBeInstanceOf(ConnectionError);
    }
  });

  test("a handshake without an answer, and a TLS port that is none, are told apart", async () => {
    await using fake = await startFakeServer({ handlers: { HELLO: () => {} } });
    await using silent = new Redis(fake.url, soon);
    expect((await reasonOf(silent.connect())).message).toMatch(/did not answer the handshake/);
    await using encrypted = new Redis(fake.url.replace("redis:", "rediss:"), soon);
    expect((await reasonOf(encrypted.connect())).message).toMatch(/speak TLS/);
  });

  test("a credentials function that throws or hangs is named", async () => {
    const cause = new Error("the vault is sealed");
    const throwing = () => Promise.reject(cause);
    await using client = new Redis("redis://127.0.0.1:1", { ...soon, credentials: throwing });
    const reason = await reasonOf(client.connect());
    expect(reason.message).toMatch(/credentials function failed/);
    expect(reason.cause).toMatchObject({ cause });
    await using waiting = new Redis("redis://127.0.0.1:1", { ...soon, credentials: () => new Promise(() => {}) });
    expect((await reasonOf(waiting.connect())).message).toMatch(/credentials function gave no answer/);
  });

  test("a URL given as the host is refused, and not shown", () => {
    const url = "redis://:s3cret@localhost:6379";
    const make = () => new Redis({ host: url });
    expect(make).toThrow(ArgumentError);
    expect(make).not.toThrow(/s3cret/);
  });
});

describe("on a server", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test("one name may be subscribed with options", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub();
    await consumer.subscribe("news", { timeout: 500 });
    await consumer.psubscribe("news.*", { timeout: 500 });
    expect([...consumer.channels.keys(), ...consumer.patterns.keys()]).toEqual(["news", "news.*"]);
  });

  test("one signal may end many consumers, without a warning, and holds none of them afterwards", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on("warning", warned);
    const shutdown = new AbortController();
    await using client = new Redis(server.url, { signal: shutdown.signal });
    const consumers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => client.pubsub({ channels: `c${i}`, signal: shutdown.signal })),
    );
    shutdown.abort();
    await eventually(() => expect(consumers.every(({ closed }) => closed)).toBe(true));
    await client.close();
    process.off("warning", warned);
    expect(warnings).toEqual([]);
    expect(getEventListeners(shutdown.signal, "abort")).toHaveLength(0);
  });

  test("what is no schema is refused at json(), and a codec that answers with a promise harms nobody", async () => {
    expect(() => json({} as never)).toThrow(ArgumentError);
    const codec = { decode: () => Promise.reject(new Error("too late")), encode: (value: string) => value };
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "a", codec, ignoreSubscribeMessages: true });
    const refused: Error[] = [];
    consumer.on("error", (error) => refused.push(error));
    await client.publish("a", "x");
    await eventually(() => expect(refused).toHaveLength(1));
    expect((refused[0] as CodecError).code).toBe("CODEC");
  });
});
