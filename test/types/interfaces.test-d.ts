// Compiled by `npm run check`, never run: the interfaces to depend on, and to fake in tests.

import { EventEmitter } from "node:events";
import type {
  AnyItem,
  Client,
  ClientEvents,
  Consumer,
  ConsumerEvents,
  Gap,
  Message,
  PatternConsumer,
  PublishedMessage,
  PubSub,
  Redis,
  RedisOptions,
  ServerError,
  SubscriberSource,
} from "tidings";
import { json, type RedisCluster } from "tidings";
import { expectTypeOf } from "vitest";

interface Order {
  readonly id: number;
}

/** The classes satisfy them, whatever they carry. */
export function satisfied(): void {
  expectTypeOf<PubSub>().toExtend<PatternConsumer>();
  expectTypeOf<PubSub>().toExtend<Consumer>();
  expectTypeOf<PatternConsumer>().toExtend<Consumer>();
  expectTypeOf<PubSub<PublishedMessage>>().toExtend<PatternConsumer<PublishedMessage>>();
  expectTypeOf<PubSub<Message<Order, Buffer>>>().toExtend<PatternConsumer<Message<Order, Buffer>>>();
  // Who asks for a consumer of more kinds of items takes one of fewer.
  expectTypeOf<PubSub<PublishedMessage>>().toExtend<Consumer>();
  expectTypeOf<PubSub<PublishedMessage>>().toExtend<Consumer<Message | Gap>>();
  expectTypeOf<Redis>().toExtend<Client>();
  expectTypeOf<Redis>().toExtend<SubscriberSource>();
  expectTypeOf<Redis<Order>>().toExtend<Client<Order>>();
  expectTypeOf<Redis<Order>>().toExtend<SubscriberSource>();
  expectTypeOf<Redis<string, string, "bytes">>().toExtend<Client<string, Buffer>>();
  expectTypeOf<Redis>().not.toExtend<Client<Order>>();
  expectTypeOf<PubSub>().not.toExtend<Consumer<Message<Order>>>();
  expectTypeOf<PubSub>().toExtend<AsyncDisposable & AsyncIterable<Message>>();
  expectTypeOf<RedisOptions>().toExtend<RedisOptions<string>>();
}

/** What the short way gives is a consumer like any other, and clients of both kinds are one. */
export async function interchangeable(client: Redis, either: Redis | RedisCluster, any: Client): Promise<void> {
  let consumer: PubSub = await client.subscribe("x");
  consumer = await client.pubsub({ channels: "x" });
  consumer.on("gap", ({ channels, patterns }) => [...channels, ...patterns].map((name) => name.toUpperCase()));
  const typed: PubSub<PublishedMessage<Order>> = await client.subscribe("x", { codec: json<Order>() });
  const first = async <Item extends AnyItem>(one: Consumer<Item>): Promise<Item | null> => one.getMessage();
  expectTypeOf(await first(typed)).toEqualTypeOf<PublishedMessage<Order> | null>();
  const made = [
    await either.pubsub({ channels: "x" }),
    await either.subscribe("x"),
    await either.subscribe("x", ({ data }) => data.length),
    await either.psubscribe("x*", ({ pattern }) => pattern.length),
    await any.subscribe("x"),
  ];
  for (const one of made) expectTypeOf(one.state).toEqualTypeOf<PubSub["state"]>();
  await Promise.all([
    either.shardedPubsub(),
    either.ssubscribe("x"),
    any.pubsub(),
    any.shardedPubsub(),
    any.ssubscribe("x"),
  ]);
  await Promise.all([either.drain({ timeout: 1000 }), any.drain()]);
}

/** What depends on them takes the class and a fake alike. */
export async function dependOn(client: Client, consumer: Consumer, real: Redis, subscribed: PubSub): Promise<void> {
  const service = async (publisher: Pick<Client, "publish">, orders: Consumer): Promise<string> => {
    await publisher.publish("a", "b");
    return (await orders.receive()).data;
  };
  await service(client, consumer);
  await service(real, subscribed);
  await service({ publish: async () => 1 }, subscribed);
}

const notFaked = (): Promise<never> => Promise.reject(new Error("not faked"));

/** A fake of a client. */
export class FakeClient extends EventEmitter<ClientEvents> implements Client<Order> {
  readonly published: Order[] = [];
  async publish(_channel: string | Uint8Array, data: Order | Uint8Array): Promise<number> {
    if (!(data instanceof Uint8Array)) this.published.push(data);
    return 1;
  }
  spublish = this.publish;
  pubsubChannels = async (): Promise<string[]> => [];
  pubsubShardchannels = async (): Promise<string[]> => [];
  pubsubNumsub = async (): Promise<ReadonlyMap<string, number>> => new Map();
  pubsubShardnumsub = async (): Promise<ReadonlyMap<string, number>> => new Map();
  pubsubNumpat = async (): Promise<number> => 0;
  call = async (): Promise<null> => null;
  callBuffer = this.call;
  pubsub = notFaked;
  shardedPubsub = notFaked;
  subscribe = notFaked;
  psubscribe = notFaked;
  ssubscribe = notFaked;
  async drain(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A fake of a consumer that gives what a test has laid in it. */
export class FakeConsumer extends EventEmitter<ConsumerEvents> implements Consumer<PublishedMessage<Order>> {
  readonly #items: PublishedMessage<Order>[];
  readonly channels: ReadonlyMap<string, null> = new Map();
  readonly denied: ReadonlyMap<string, ServerError> = new Map();
  readonly subscribed = true;
  readonly state = "live";
  readonly closed = false;

  constructor(items: Iterable<PublishedMessage<Order>>) {
    super();
    this.#items = [...items];
  }

  async subscribe(): Promise<void> {}
  async unsubscribe(): Promise<void> {}
  async getMessage(): Promise<PublishedMessage<Order> | null> {
    return this.#items.shift() ?? null;
  }
  async receive(): Promise<PublishedMessage<Order>> {
    const item = this.#items.shift();
    if (item === undefined) throw new Error("nothing left");
    return item;
  }
  async *messages(): AsyncGenerator<PublishedMessage<Order>, undefined> {
    yield* this.#items;
  }
  async *batches(): AsyncGenerator<PublishedMessage<Order>[], undefined> {
    yield this.#items;
  }
  [Symbol.asyncIterator](): AsyncIterator<PublishedMessage<Order>> {
    return this.messages();
  }
  async retry(): Promise<void> {}
  async drain(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
