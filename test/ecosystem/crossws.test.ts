import { redis } from "crossws/sync";
import { Redis } from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

const shapes = {
  asIoredis: (client: Redis) => redis({ client: asIoredis(client), channel: "ws" }),
  asNodeRedis: (client: Redis) => redis({ client: asNodeRedis(client), channel: "ws" }),
} as const;

test.each(["asIoredis", "asNodeRedis"] as const)("crossws' sync reaches other instances over %s", async (shape) => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const instance = shapes[shape](client);
  const [one, other] = [instance({ id: "one" }), instance({ id: "other" })];
  const heard = { one: [] as unknown[], other: [] as unknown[] };
  await one.subscribe((message) => heard.one.push(message));
  await other.subscribe((message) => heard.other.push(message));
  const message = { namespace: "", topic: "room", data: "hello" };
  await one.publish(message);
  await eventually(() => expect(heard.other).toHaveLength(1));
  expect(heard.one).toEqual([]);
  await one.close?.();
  await other.close?.();
  await eventually(async () => expect((await client.pubsubNumsub("ws")).get("ws")).toBe(0));
});
