import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { dial, READ, serve } from "./fixtures.ts";

const options = { channels: "a", includeGaps: true, ignoreSubscribeMessages: true } as const;

test.each([2, 3] as const)("publish reaches channels and patterns, and tells how many in RESP%i", async (protocol) => {
  const server = await serve();
  const consumer = await dial(server, { protocol }).pubsub({ ...options, patterns: "?" });
  expect(server.publish("a", "é")).toBe(2);
  expect(server.publish("none", Buffer.from("x"))).toBe(0);
  expect([await consumer.receive(READ), await consumer.receive(READ)]).toMatchObject([
    { type: "message", channel: "a", data: "é" },
    { type: "pmessage", pattern: "?", channel: "a", data: "é" },
  ]);
});

test("disconnect cuts a subscriber, which sees a gap and is subscribed again", async () => {
  const server = await serve();
  const consumer = await dial(server).pubsub(options);
  expect(server.disconnect()).toBeGreaterThan(0);
  expect(await consumer.receive(READ)).toMatchObject({ type: "gap" });
  await eventually(() => expect(server.publish("a", "again")).toBe(1));
  expect(await consumer.receive(READ)).toMatchObject({ data: "again" });
});

test("disconnect of subscribers leaves other connections", async () => {
  const server = await serve();
  const [client, subscriber] = [dial(server), dial(server)];
  const id = await client.call("CLIENT", "ID");
  await subscriber.pubsub(options);
  expect(server.disconnect({ subscribers: true })).toBe(1);
  expect(await client.call("CLIENT", "ID")).toBe(id);
});

test("a silence holds replies and messages, and lets them go on in their order", async () => {
  const server = await serve();
  const client = dial(server);
  const consumer = await client.pubsub(options);
  await client.call("PING");
  server.silence();
  expect(server.publish("a", "1")).toBe(1);
  const reply = client.call("INCR", "n");
  await eventually(() => expect(server.received.at(-1)).toEqual(["INCR", "n"]));
  expect(await Promise.race([reply, sleep(50, "silent")])).toBe("silent");
  expect(await consumer.getMessage({ timeout: 0 })).toBeNull();
  server.silence(false);
  server.publish("a", "2");
  expect(await reply).toBe(1);
  expect([await consumer.receive(READ), await consumer.receive(READ)]).toMatchObject([{ data: "1" }, { data: "2" }]);
});

test("a silence is a dead link to a consumer, which reports a gap when it is over", async () => {
  const server = await serve();
  const consumer = await dial(server).pubsub({ ...options, maxIdle: 100, pingTimeout: 100 });
  server.silence();
  server.publish("a", "lost");
  await eventually(() => expect(consumer.state).not.toBe("live"));
  server.silence(false);
  expect(await consumer.receive(READ)).toMatchObject({ type: "gap" });
});

test("a silence ends by itself after its milliseconds", async () => {
  const server = await serve();
  const client = dial(server);
  server.silence(20);
  expect(await client.call("PING")).toBe("PONG");
});

test("deny refuses names and commands until they are allowed again", async () => {
  const server = await serve();
  const client = dial(server);
  const consumer = await client.pubsub({ ignoreSubscribeMessages: true });
  const allow = server.deny("secret.*", { command: "publish" }, { command: "client list" });
  await expect(consumer.subscribe("secret.1")).rejects.toThrow("NOPERM No permissions to access a channel");
  await expect(consumer.psubscribe("secret.*")).rejects.toThrow("NOPERM");
  await consumer.subscribe("open");
  await expect(client.publish("open", "x")).rejects.toThrow("NOPERM");
  await expect(client.call("CLIENT", "LIST")).rejects.toThrow("'client|list'");
  await client.call("CLIENT", "ID");
  allow();
  await consumer.subscribe("secret.1");
  expect(await client.publish("secret.1", "x")).toBe(1);
});

test("the controls need no this", async () => {
  const { publish, received, disconnect, silence, deny, close, url } = await serve();
  await dial({ url }).pubsub(options);
  expect(publish("a", "x")).toBe(1);
  expect(received.at(-1)).toEqual(["SUBSCRIBE", "a"]);
  expect(disconnect()).toBe(1);
  silence(true);
  deny("x")();
  await close();
});

test("received has every command as text", async () => {
  const server = await serve();
  await dial(server).call("SET", "k", "é");
  expect(server.received.at(-1)).toEqual(["SET", "k", "é"]);
  expect(server.received[0]?.[0]).toBe("HELLO");
});

test("a password, a user, and the highest protocol are asked for", async () => {
  const server = await serve({ username: "ann", password: "p@ss é", protocol: 2 });
  expect(server.url).toBe(`redis://ann:p%40ss%20%C3%A9@127.0.0.1:${server.port}`);
  expect(await dial(server).call("PING")).toBe("PONG");
  await expect(dial({ url: `redis://ann:wrong@127.0.0.1:${server.port}` }).call("PING")).rejects.toThrow("WRONGPASS");
  await expect(dial({ url: `redis://127.0.0.1:${server.port}` }).call("PING")).rejects.toThrow("NOAUTH");
});
