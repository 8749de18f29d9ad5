// Compiled by scripts/test-types.mjs against the built declarations, with the oldest and the newest TypeScript and
// @types/node. It is never run.

import {
  type AnyItem,
  type Client,
  ClusterPubSub,
  type Consumer,
  json,
  type PatternConsumer,
  PubSub,
  Redis,
  RedisCluster,
  ShardedPubSub,
} from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type IsAny<T> = 0 extends 1 & T ? true : false;
declare function holds<_T extends true>(): void;

export async function program(): Promise<void> {
  const client = new Redis("redis://localhost");
  const clients: Client[] = [client, new RedisCluster("redis://localhost")];
  const consumer = await client.pubsub({ channels: ["a"], includeGaps: true });
  const consumers: [Consumer, PatternConsumer] = [await client.pubsub(), await client.pubsub()];
  for await (const item of consumer) {
    holds<Equal<IsAny<typeof item>, false>>();
    if (item.type === "message") holds<Equal<typeof item.data, string>>();
    if (item.type === "gap") holds<Equal<typeof item.from, number>>();
  }
  for await (const message of consumer.messages()) holds<Equal<IsAny<typeof message>, false>>();
  for await (const batch of consumer.batches()) holds<Equal<IsAny<(typeof batch)[number]>, false>>();
  consumer.on("gap", (gap) => holds<Equal<typeof gap.to, number>>());
  consumer.once("state", (state) => holds<Equal<IsAny<typeof state>, false>>()).off("close", () => {});
  client.on("reconnecting", ({ delay }) => holds<Equal<typeof delay, number>>());
  // @ts-expect-error: no such event
  consumer.on("message", () => {});
  const orders = await client.pubsub({ codec: json<{ id: number }>(), names: "bytes", ignoreSubscribeMessages: true });
  const order = await orders.receive();
  holds<Equal<typeof order.data, { id: number }>>();
  holds<Equal<typeof order.channel, Buffer>>();
  // What the short way gives is a PubSub like any other, of either client, and through the interface.
  let short: PubSub = await client.subscribe("x");
  short = await client.psubscribe("x*", ({ pattern }) => pattern.length);
  const either = clients[0] as Redis | RedisCluster;
  const made: Consumer[] = [
    await either.subscribe("x", ({ data }) => data.length),
    await either.pubsub(),
    await either.ssubscribe("x"),
    await either.shardedPubsub(),
  ];
  for (const one of clients) made.push(await one.subscribe("x"), await one.pubsub());
  const unopened = [new PubSub(client), new ShardedPubSub(client), new ShardedPubSub(new RedisCluster())];
  // @ts-expect-error: a cluster's client has consumers of its own
  new PubSub(new RedisCluster());
  // @ts-expect-error: and so has the client of one server
  new ClusterPubSub(client);
  const first = async <Item extends AnyItem>(one: Consumer<Item>): Promise<Item | null> => one.getMessage();
  short.on("gap", ({ channels }) => channels.map((name) => name.toUpperCase()));
  await either.drain({ timeout: 1000 });
  void [clients, consumers, made, unopened, first];
}

// Here without ioredis and node-redis: the faces have types of their own. `npm run test:ecosystem` compiles them beside both.
const one = new Redis("redis://localhost");
const face = asIoredis(one);
holds<Equal<IsAny<typeof face>, false>>();
face.on("gap", (gap) => gap);
export const heard: Promise<unknown> = face.subscribe("news");
export const open: boolean = asNodeRedis(one).isOpen;
