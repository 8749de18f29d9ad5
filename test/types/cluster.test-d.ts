// Compiled by `npm run check`, never run: clients and consumers of a cluster.

import {
  bytes,
  type ChannelMessage,
  type Client,
  ClusterPubSub,
  type ClusterPubSubOptions,
  type Confirmation,
  type Consumer,
  type Gap,
  type GapCause,
  json,
  type Message,
  type NatMap,
  type PatternConsumer,
  type PublishedMessage,
  PubSub,
  Redis,
  RedisCluster,
  type RedisClusterOptions,
  ShardedPubSub,
  type ShardedPubSubOptions,
} from "tidings";
import { expectTypeOf } from "vitest";

declare const cluster: RedisCluster;
declare const redis: Redis;

interface Order {
  readonly id: number;
}

/** The classes satisfy the interfaces; only those with patterns are consumers of patterns. */
export function satisfied(): void {
  expectTypeOf<RedisCluster>().toExtend<Client>();
  expectTypeOf<RedisCluster<Order>>().toExtend<Client<Order>>();
  expectTypeOf<RedisCluster<string, string, "bytes">>().toExtend<Client<string, Buffer>>();
  expectTypeOf<ClusterPubSub>().toExtend<PatternConsumer>();
  expectTypeOf<ShardedPubSub>().toExtend<Consumer>();
  expectTypeOf<ShardedPubSub<Message<Order, Buffer>>>().toExtend<Consumer<Message<Order, Buffer>>>();
  expectTypeOf<ShardedPubSub>().not.toExtend<PatternConsumer>();
  expectTypeOf<RedisCluster>().toExtend<AsyncDisposable>();
}

/** What the methods of a cluster give. */
export async function made(): Promise<void> {
  expectTypeOf(await cluster.pubsub()).toEqualTypeOf<ClusterPubSub>();
  expectTypeOf(await cluster.shardedPubsub()).toEqualTypeOf<ShardedPubSub>();
  expectTypeOf(await cluster.connect()).toEqualTypeOf<RedisCluster>();
  expectTypeOf(await new ShardedPubSub(cluster, { channels: "a" }).open()).toEqualTypeOf<ShardedPubSub>();

  const quiet = await cluster.shardedPubsub({ channels: ["a"], ignoreSubscribeMessages: true });
  expectTypeOf(quiet).toEqualTypeOf<ShardedPubSub<PublishedMessage>>();
  for await (const item of quiet) expectTypeOf(item).toEqualTypeOf<PublishedMessage>();

  const orders = await cluster.shardedPubsub({
    codec: json<Order>(),
    names: "bytes",
    channelHandlers: { a: (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage<Order, Buffer>>() },
  });
  expectTypeOf((await orders.receive()).data).toEqualTypeOf<Order>();
  expectTypeOf((await orders.receive()).channel).toEqualTypeOf<Buffer>();
  await orders.subscribe("b", (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage<Order, Buffer>>());

  const defaults = new RedisCluster({ codec: bytes, names: "bytes" });
  expectTypeOf(defaults).toEqualTypeOf<RedisCluster<Buffer, string | Uint8Array, "bytes">>();
  expectTypeOf((await (await defaults.shardedPubsub()).receive()).data).toEqualTypeOf<Buffer>();
  expectTypeOf((await (await defaults.pubsub()).receive()).channel).toEqualTypeOf<Buffer>();
  expectTypeOf(await defaults.pubsubShardchannels()).toEqualTypeOf<Buffer[]>();
  expectTypeOf(await cluster.pubsubShardnumsub("a")).toEqualTypeOf<ReadonlyMap<string, number>>();
  expectTypeOf(cluster.spublish).parameter(1).toEqualTypeOf<string | Uint8Array>();
}

/** Gaps are in the stream only where they are asked for; a cluster has causes of its own. */
export async function gaps(): Promise<void> {
  expectTypeOf<"disconnected" | "moved" | "stale">().toExtend<GapCause>();
  expectTypeOf<Gap["cause"]>().toEqualTypeOf<GapCause>();

  const all = await cluster.shardedPubsub({ includeGaps: true });
  for await (const item of all) expectTypeOf(item).toEqualTypeOf<Message | Gap>();
  const given = await all.receive();
  expectTypeOf(given).toEqualTypeOf<PublishedMessage | Gap>();
  if (given.type === "gap") expectTypeOf(given.cause).toEqualTypeOf<GapCause>();

  const none = await cluster.pubsub({ ignoreSubscribeMessages: false });
  for await (const item of none) {
    expectTypeOf(item).toEqualTypeOf<PublishedMessage | Confirmation>();
    // @ts-expect-error gaps were not asked for
    if (item.type === "gap") return;
  }
  all.on("gap", (gap) => expectTypeOf(gap.cause).toEqualTypeOf<GapCause>());
  // @ts-expect-error no cause of a gap
  const _wrong: GapCause = "lost";
}

/** Shard channels know no patterns. */
export async function noPatterns(consumer: ShardedPubSub): Promise<void> {
  // @ts-expect-error no patterns
  await consumer.psubscribe("p*");
  // @ts-expect-error no patterns
  await consumer.punsubscribe();
  // @ts-expect-error no patterns
  consumer.patterns;
  // @ts-expect-error no patterns
  await cluster.shardedPubsub({ patterns: "p*" });
  // @ts-expect-error no patterns
  await cluster.shardedPubsub({ patternHandlers: { "p*": () => {} } });
  // @ts-expect-error no patterns
  new ShardedPubSub(cluster, { patterns: "p*" });
  // @ts-expect-error no patterns
  const _options: ShardedPubSubOptions = { patterns: "p*" };
  await cluster.pubsub({ patterns: "p*", patternHandlers: { "q*": () => {} } });
}

/** Each class has its clients and its options. */
export async function wrong(): Promise<void> {
  // @ts-expect-error a cluster is no single server
  new PubSub(cluster);
  // @ts-expect-error a single server is no cluster
  new ClusterPubSub(redis);
  // A single server has shard channels too.
  new ShardedPubSub(redis);
  expectTypeOf(await redis.shardedPubsub()).toEqualTypeOf<ShardedPubSub>();
  // @ts-expect-error a boolean
  await cluster.pubsub({ readFromReplicas: "yes" });
  // @ts-expect-error a cluster has one database
  new RedisCluster({ db: 1 });
  // @ts-expect-error a cluster has seeds
  new RedisCluster({ host: "localhost" });
  // @ts-expect-error a single server has no seeds
  new Redis({ seeds: [{ host: "localhost" }] });
  // @ts-expect-error a seed has a host
  new RedisCluster({ seeds: [{ port: 7000 }] });
  // @ts-expect-error addresses are objects
  new RedisCluster({ natMap: { "10.0.0.1:7000": "localhost:7000" } });
  // @ts-expect-error an audit has its interval
  await cluster.shardedPubsub({ audit: {} });
  // @ts-expect-error a probe has its channel
  await cluster.pubsub({ probe: { interval: 1000 } });
}

/** A value that may be missing can be passed on as it is. */
export async function undefinedIsNoMistake(milliseconds: number | undefined): Promise<void> {
  const map: NatMap = ({ host, port }) => (host === "localhost" ? null : { host, port });
  const options: RedisClusterOptions = {
    seeds: undefined,
    readFromReplicas: undefined,
    natMap: undefined,
    topologyRefreshInterval: milliseconds,
    password: undefined,
    signal: undefined,
  };
  new RedisCluster(options);
  new RedisCluster("redis://a,b", { ...options, natMap: map });
  new RedisCluster(new URL("redis://a"), { natMap: { "10.0.0.1:7000": { host: "localhost", port: 7000 } } });
  new RedisCluster({ seeds: new Set([{ host: "a", port: undefined }]) });
  const classic: ClusterPubSubOptions = { patterns: undefined, readFromReplicas: undefined, includeGaps: undefined };
  const sharded: ShardedPubSubOptions = { channels: undefined, readFromReplicas: undefined, audit: undefined };
  await cluster.pubsub({ ...classic, audit: false, probe: false });
  await cluster.shardedPubsub({ ...sharded, audit: { interval: 1000 }, probe: { interval: 1000, channel: "probe" } });
}
