import { once } from "node:events";
import { createRequire } from "node:module";
import { Redis } from "tidings";
import { asNodeRedis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";

const RedisPubSub = createRequire(import.meta.url)("sharedb-redis-pubsub");

test("sharedb-redis-pubsub streams what is published, and closes", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const pubsub = new RedisPubSub({ client: asNodeRedis(client), observer: asNodeRedis(client) });
  const stream = await new Promise<import("node:events").EventEmitter>((resolve, reject) => {
    pubsub.subscribe("doc", (error: Error | null, made: never) => (error ? reject(error) : resolve(made)));
  });
  const data = once(stream, "data");
  await new Promise<void>((resolve, reject) => {
    pubsub.publish(["doc"], { test: true }, (error?: Error) => (error ? reject(error) : resolve()));
  });
  expect((await data)[0]).toMatchObject({ test: true });
  await new Promise<void>((resolve, reject) => pubsub.close((error?: Error) => (error ? reject(error) : resolve())));
});
