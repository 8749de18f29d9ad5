import { once } from "node:events";
import { RedisCluster } from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";
import { describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { makers, names, start } from "./fixtures.ts";

const odd = Buffer.from([0x61, 0xff]);

test("text and bytes of one subscription go to those who listen to each", async () => {
  await using deployment = await start();
  const client = deployment.client();
  const face = asIoredis(client);
  const heard: unknown[][] = [];
  for (const event of ["message", "messageBuffer", "pmessage", "pmessageBuffer", "smessage", "smessageBuffer"]) {
    (face as unknown as import("node:events").EventEmitter).on(event, (...args) => heard.push([event, ...args]));
  }
  expect(await face.subscribe("a", odd)).toBe(2);
  expect(await face.psubscribe("b*")).toBe(3);
  expect(await face.ssubscribe("c")).toBe(1);
  await client.publish("a", "ä");
  await client.publish(odd, "to an odd name");
  await client.publish(Buffer.concat([Buffer.from("b"), odd]), "by a pattern");
  await client.spublish("c", Buffer.from([0xfe]));
  await eventually(() => expect(heard).toHaveLength(8));
  const text = Buffer.from;
  expect(heard.filter(([event]) => event !== "smessage" && event !== "smessageBuffer")).toEqual([
    ["message", "a", "ä"],
    ["messageBuffer", text("a"), text("ä")],
    ["message", "a\ufffd", "to an odd name"],
    ["messageBuffer", odd, text("to an odd name")],
    ["pmessage", "b*", "ba\ufffd", "by a pattern"],
    ["pmessageBuffer", text("b*"), Buffer.concat([text("b"), odd]), text("by a pattern")],
  ]);
  expect(heard).toContainEqual(["smessage", "c", "\ufffd"]);
  expect(heard).toContainEqual(["smessageBuffer", text("c"), Buffer.from([0xfe])]);
  const stats = client.stats();
  expect(stats.received).toBe(4);
  expect(await face.unsubscribe("a")).toBe(2);
  expect(await face.unsubscribe()).toBe(1);
  expect(await face.punsubscribe("b*", "never subscribed")).toBe(0);
  expect(await face.sunsubscribe("c")).toBe(0);
});

test("node-redis listeners share a subscription, each in its form, and leave one by one", async () => {
  await using deployment = await start();
  const client = deployment.client();
  const face = asNodeRedis(client);
  const heard: unknown[] = [];
  const one = (message: string, channel: string): void => void heard.push(["one", message, channel]);
  const two = (message: Buffer, channel: Buffer): void => void heard.push(["two", message, channel]);
  await face.subscribe(["a", "b"], one);
  await face.subscribe("a", two, true);
  await face.pSubscribe("c*", one);
  await face.sSubscribe("d", one);
  await client.publish("a", "1");
  await client.publish("cc", "2");
  await client.spublish("d", "3");
  await eventually(() => expect(heard).toHaveLength(4));
  expect(heard.slice(0, 2)).toEqual([
    ["one", "1", "a"],
    ["two", Buffer.from("1"), Buffer.from("a")],
  ]);
  expect(heard).toContainEqual(["one", "2", "cc"]);
  expect(heard).toContainEqual(["one", "3", "d"]);
  await face.unsubscribe("a", one);
  expect((await client.pubsubNumsub("a")).get("a")).toBe(1);
  await face.unsubscribe("a", two, true);
  expect((await client.pubsubNumsub("a")).get("a")).toBe(0);
  await face.unsubscribe();
  await face.pUnsubscribe();
  await face.sUnsubscribe("d");
  expect([(await client.pubsubNumsub("b")).get("b"), await client.pubsubNumpat()]).toEqual([0, 0]);
});

describe.each(names)("over %s", (name) => {
  const make = makers[name];

  test("what a listener throws surfaces once, as itself, and the next message arrives", async () => {
    await using deployment = await start();
    const client = deployment.client();
    const face = make(client);
    const thrown = new Error("the listener's own");
    const heard: string[] = [];
    await face.subscribe("a", (message) => {
      heard.push(message);
      if (message === "bad") throw thrown;
    });
    const surfaced = uncaught();
    await client.publish("a", "bad");
    await client.publish("a", "good");
    await eventually(() => expect(heard).toEqual(["bad", "good"]));
    await eventually(() => expect(surfaced.errors).toHaveLength(1));
    expect(surfaced.errors[0]).toBe(thrown);
    surfaced.stop();
  });

  test("a subscription that is denied rejects, is emitted, and ends nothing", async () => {
    await using deployment = await start();
    const { server } = deployment;
    await server.control.command("ACL", "SETUSER", "some", "on", ">secret", "+@all", "~*", "resetchannels", "&good");
    const face = make(deployment.client({ username: "some", password: "secret" }));
    const heard: string[] = [];
    await face.subscribe("good", (message) => heard.push(message));
    const told = once(face.emitter, "error");
    void face.subscribe("other", () => {}).catch(() => {});
    expect((await told)[0]).toMatchObject({ code: "NOPERM", names: ["other"] });
    await server.control.command("PUBLISH", "good", "heard");
    await eventually(() => expect(heard).toEqual(["heard"]));
  });

  test("what is published on a face comes after what it subscribed before", async () => {
    await using deployment = await start();
    const face = make(deployment.client());
    const heard: string[] = [];
    void face.subscribe("a", (message) => heard.push(message));
    for (let index = 0; index < 10; index++) void face.publish("a", String(index));
    await eventually(() => expect(heard).toEqual(Array.from({ length: 10 }, (_, index) => String(index))));
  });
});

test("callbacks are told, and what they throw surfaces as itself", async () => {
  await using deployment = await start();
  const face = asIoredis(deployment.client());
  const told: unknown[] = [];
  await new Promise<void>((resolve) => {
    face.subscribe("a", (error, count) => {
      told.push(error, count);
      void face.publish("a", "message", (problem, receivers) => {
        told.push(problem, receivers);
        resolve();
      });
    });
  });
  expect(told).toEqual([null, 1, null, 1]);
  const surfaced = uncaught();
  const thrown = new Error("the callback's own");
  void face.get("key", () => {
    throw thrown;
  });
  await eventually(() => expect(surfaced.errors).toEqual([thrown]));
  surfaced.stop();
});

test("a cluster's face counts subscribers of all nodes, and has shard channels of all slots", async () => {
  await using cluster = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
  const seeds = cluster.primaries.map(({ port }) => ({ host: "127.0.0.1", port }));
  await using client = new RedisCluster({ seeds });
  await using others = new RedisCluster({ seeds });
  const [io, node] = [asIoredis(client), asNodeRedis(others)];
  expect(io.isCluster).toBe(true);
  const heard: string[] = [];
  io.on("smessage", (channel) => heard.push(channel));
  const channels = Array.from({ length: 20 }, (_, index) => `channel ${index}`);
  await io.subscribe("news");
  await node.subscribe("news", () => {});
  await io.ssubscribe(...channels);
  for (const channel of channels) await node.sPublish(channel, "message");
  await eventually(() => expect([...heard].sort()).toEqual([...channels].sort()));
  await eventually(async () => {
    const [pseudo] = io.nodes();
    expect(await pseudo?.call("PUBSUB", "NUMSUB", "news")).toEqual(["news", 2]);
  });
  const { masters } = node as unknown as { masters: { client: { sendCommand(args: string[]): Promise<unknown> } }[] };
  expect(await masters[0]?.client.sendCommand(["PUBSUB", "SHARDNUMSUB", "channel 1"])).toEqual(["channel 1", 1]);
  expect(masters).toHaveLength(1);
});

/** What surfaces as an uncaught exception from now on, instead of ending the tests. */
function uncaught(): { readonly errors: unknown[]; stop(): void } {
  const before = process.listeners("uncaughtException");
  const errors: unknown[] = [];
  const take = (error: unknown): void => void errors.push(error);
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", take);
  return {
    errors,
    stop() {
      process.off("uncaughtException", take);
      for (const listener of before) process.on("uncaughtException", listener);
    },
  };
}
