import { createRedisEventTarget } from "@graphql-yoga/redis-event-target";
import { createPubSub } from "@graphql-yoga/subscription";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

test("GraphQL Yoga's event target hears what another instance publishes", async () => {
  await using server = await startServer();
  const url = `redis://127.0.0.1:${server.port}`;
  await using one = new Redis(url);
  await using other = new Redis(url);
  const pubSubOf = (client: Redis) =>
    createPubSub<{ news: [payload: { title: string }] }>({
      eventTarget: createRedisEventTarget({
        publishClient: asIoredis(client),
        subscribeClient: asIoredis(client),
      }),
    });
  const [here, there] = [pubSubOf(one), pubSubOf(other)];
  const heard = there.subscribe("news");
  const first = heard.next();
  await eventually(async () => expect((await one.pubsubNumsub("news")).get("news")).toBe(1));
  here.publish("news", { title: "ä" });
  expect(await first).toEqual({ done: false, value: { title: "ä" } });
  await heard.return();
  await eventually(async () => expect((await one.pubsubNumsub("news")).get("news")).toBe(0));
});
