import { RedisPubSub } from "graphql-redis-subscriptions";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

test("graphql-redis-subscriptions hears channels and patterns, and closes", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const pubsub = new RedisPubSub({ publisher: asIoredis(client), subscriber: asIoredis(client) });
  const heard: unknown[] = [];
  const id = await pubsub.subscribe("news", (message: unknown) => heard.push(message));
  await pubsub.subscribe("sport.*", (message: unknown) => heard.push(message), { pattern: true });
  await pubsub.publish("news", { one: 1 });
  await pubsub.publish("sport.golf", { two: 2 });
  await eventually(() => expect(heard).toEqual([{ one: 1 }, { two: 2 }]));

  const iterator = pubsub.asyncIterableIterator<{ three: number }>("more");
  const next = iterator.next();
  let taken: unknown = null;
  void next.then((result: IteratorResult<unknown>) => {
    taken = result.value;
  });
  // The library hears a channel once its own callback has run, which the server cannot tell.
  await eventually(async () => {
    await pubsub.publish("more", { three: 3 });
    expect(taken).toEqual({ three: 3 });
  });

  pubsub.unsubscribe(id);
  await eventually(async () => expect((await client.pubsubNumsub("news")).get("news")).toBe(0));
  await pubsub.close();
  expect(await client.pubsubNumpat()).toBe(0);
});

test("graphql-redis-subscriptions reads Buffers where it asks for them", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const pubsub = new RedisPubSub({
    publisher: asIoredis(client),
    subscriber: asIoredis(client),
    messageEventName: "messageBuffer",
    pmessageEventName: "pmessageBuffer",
  });
  const heard: unknown[] = [];
  await pubsub.subscribe("raw", (message: unknown) => heard.push(message));
  await pubsub.publish("raw", Buffer.from([1, 2, 255]));
  await eventually(() => expect(heard).toEqual([Buffer.from([1, 2, 255])]));
  await pubsub.close();
});
