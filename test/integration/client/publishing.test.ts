import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, bytes, json, Redis } from "../../../src/index.ts";
import { startProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { reasonOf } from "./outcome.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

let server: RedisServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

const invalid = Buffer.from([0xff, 0x41]);
const alsoInvalid = Buffer.from([0xfe, 0x41]);

describe("publish", () => {
  test("resolves to the number of receivers", async () => {
    await using client = new Redis(server.url);
    expect(await client.publish("receivers", "nobody")).toBe(0);
    await using _one = await client.pubsub({ channels: "receivers" });
    await using _other = await client.pubsub({ channels: "receivers", patterns: "receiver?" });
    expect(await client.publish("receivers", "three")).toBe(3);
  });

  test("sends text, bytes, and what the codec makes", async () => {
    await using client = new Redis(server.url, { codec: json<{ a: number }>() });
    await using consumer = await client.pubsub({ channels: "kinds", codec: bytes, ignoreSubscribeMessages: true });
    await client.publish("kinds", { a: 1 });
    await client.publish("kinds", invalid);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: Buffer.from('{"a":1}') });
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: invalid });
  });

  test("reaches a channel whose name is no UTF-8, and no other", async () => {
    await using client = new Redis(server.url, { names: "bytes" });
    await using consumer = await client.pubsub({ channels: [invalid], ignoreSubscribeMessages: true });
    expect(await client.publish(alsoInvalid, "other")).toBe(0);
    expect(await client.publish(invalid, "this")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: invalid, data: "this" });
  });

  test("keeps the order of ten thousand messages of one tick", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "burst", ignoreSubscribeMessages: true });
    const texts = Array.from({ length: 10_000 }, (_, index) => String(index));
    const receivers = Promise.all(texts.map((text) => client.publish("burst", text)));
    const received: string[] = [];
    while (received.length < texts.length) received.push((await consumer.receive({ timeout: 10_000 })).data);
    expect(received).toEqual(texts);
    expect(new Set(await receivers)).toEqual(new Set([1]));
  });

  test("costs little more than its bytes", async () => {
    await using proxy = await startProxy(server.port);
    await using client = new Redis({ host: proxy.host, port: proxy.port });
    await client.connect();
    const before = proxy.bytesToServer;
    await Promise.all(Array.from({ length: 100 }, () => client.publish("chan", "data")));
    const frame = "*3\r\n$7\r\nPUBLISH\r\n$4\r\nchan\r\n$4\r\ndata\r\n".length;
    expect(proxy.bytesToServer - before).toBe(100 * frame);
  });

  test("refuses what is no channel or no data, at once and without showing it", async () => {
    await using client = new Redis(server.url);
    const publish = client.publish.bind(client) as (...args: unknown[]) => Promise<unknown>;
    for (const channel of [undefined, null, 1, {}, ["a"]]) {
      expect(await reasonOf(publish(channel, "x"))).toBeInstanceOf(ArgumentError);
    }
    for (const data of [undefined, null, 1, { secret: "hunter2" }]) {
      const reason = await reasonOf(publish("a", data));
      expect(reason).toBeInstanceOf(ArgumentError);
      expect(reason.message).not.toContain("hunter2");
    }
    expect(client.state).toBe("idle");
  });

  test("an empty channel and an empty payload are legal", async () => {
    await using client = new Redis(server.url);
    await using consumer = await client.pubsub({ channels: "", ignoreSubscribeMessages: true });
    expect(await client.publish("", "")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "", data: "" });
  });
});

describe("spublish", () => {
  shardTest("resolves to the number of receivers of the shard channel alone", async () => {
    await using client = new Redis(server.url);
    await using _classic = await client.pubsub({ channels: "shard", patterns: "*" });
    expect(await client.spublish("shard", "nobody")).toBe(0);
    await server.control.command("SSUBSCRIBE", "shard").catch(() => {});
    expect(await client.spublish("shard", "one")).toBe(1);
    expect(await client.pubsubShardchannels()).toEqual(["shard"]);
    expect([...(await client.pubsubShardnumsub("none", "shard"))]).toEqual([
      ["none", 0],
      ["shard", 1],
    ]);
    expect(await client.pubsubShardchannels("x*")).toEqual([]);
    await server.control.disconnect();
  });
});

describe.each([2, 3] as const)("PUBSUB (RESP%i)", (protocol) => {
  test("lists channels, by pattern or all", async () => {
    await using client = new Redis(server.url, { protocol });
    expect(await client.pubsubChannels()).toEqual([]);
    await using _consumer = await client.pubsub({ channels: ["list.a", "list.b", "é"], patterns: "list.*" });
    expect((await client.pubsubChannels()).sort()).toEqual(["list.a", "list.b", "é"]);
    expect((await client.pubsubChannels("list.?")).sort()).toEqual(["list.a", "list.b"]);
    expect(await client.pubsubChannels(Buffer.from("é"))).toEqual(["é"]);
    expect(await client.pubsubChannels("")).toEqual([]);
    expect(await client.pubsubNumpat()).toBe(1);
  });

  test("counts the subscribers of each channel, in the order asked", async () => {
    await using client = new Redis(server.url, { protocol });
    await using _one = await client.pubsub({ channels: ["a", "b"] });
    await using _other = await client.pubsub({ channels: "b" });
    const counts = await client.pubsubNumsub("none", "b", "a");
    expect([...counts]).toEqual([
      ["none", 0],
      ["b", 2],
      ["a", 1],
    ]);
    expect(counts.get("b")).toBe(2);
    expect((await client.pubsubNumsub()).size).toBe(0);
  });

  test("tells names that are no UTF-8 apart", async () => {
    await using client = new Redis(server.url, { protocol, names: "bytes" });
    await using _consumer = await client.pubsub({ channels: [invalid, alsoInvalid, "text"] });
    const names = await client.pubsubChannels();
    expect(names.map((name) => name.toString("hex")).sort()).toEqual(["74657874", "fe41", "ff41"]);
    const counts = await client.pubsubNumsub(alsoInvalid, "text", invalid, "none");
    expect([...counts.keys()]).toEqual([alsoInvalid, Buffer.from("text"), invalid, Buffer.from("none")]);
    expect([...counts.values()]).toEqual([1, 1, 1, 0]);
    expect(counts.get(Buffer.from(invalid))).toBe(1);
  });

  test("shows them as text with U+FFFD where text is asked for", async () => {
    await using client = new Redis(server.url, { protocol });
    await using _consumer = await client.pubsub({ channels: [invalid, alsoInvalid] });
    expect(await client.pubsubChannels()).toEqual(["\ufffdA", "\ufffdA"]);
    expect([...(await client.pubsubNumsub(invalid, alsoInvalid, Buffer.from("z"))).values()]).toEqual([1, 1, 0]);
  });

  test("refuses what is no name", async () => {
    await using client = new Redis(server.url, { protocol });
    const wrong = [1, null, {}, ["a"]] as unknown as string[];
    for (const name of wrong) {
      expect(await reasonOf((async () => client.pubsubChannels(name))())).toBeInstanceOf(ArgumentError);
      expect(await reasonOf((async () => client.pubsubShardchannels(name))())).toBeInstanceOf(ArgumentError);
      expect(await reasonOf((async () => client.pubsubNumsub("a", name))())).toBeInstanceOf(ArgumentError);
      expect(await reasonOf((async () => client.pubsubShardnumsub(name))())).toBeInstanceOf(ArgumentError);
    }
  });
});

test("pubsubChannels() rejects for a wrong pattern; it never throws", () => {
  const client = new Redis(server.url);
  const outcome = client.pubsubChannels(1 as unknown as string);
  return expect(outcome).rejects.toBeInstanceOf(ArgumentError);
});
