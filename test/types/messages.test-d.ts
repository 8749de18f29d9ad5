// Compiled by `npm run check`, never run: what messages are, and how options narrow them.

import {
  type ChannelConfirmation,
  type ChannelMessage,
  type ClusterPubSub,
  type Confirmation,
  type Gap,
  json,
  type Message,
  type PatternConfirmation,
  type PatternMessage,
  type PublishedMessage,
  PubSub,
  type Redis,
  type RedisCluster,
  type ShardedPubSub,
} from "tidings";
import { expectTypeOf } from "vitest";

declare const client: Redis;
declare const message: Message;

/** `type` tells messages apart. */
export function discriminated(): void {
  switch (message.type) {
    case "message":
      expectTypeOf(message).toEqualTypeOf<ChannelMessage>();
      expectTypeOf(message.pattern).toEqualTypeOf<null>();
      expectTypeOf(message.data).toEqualTypeOf<string>();
      break;
    case "pmessage":
      expectTypeOf(message).toEqualTypeOf<PatternMessage>();
      expectTypeOf(message.pattern).toEqualTypeOf<string>();
      break;
    case "subscribe":
    case "unsubscribe":
    case "ssubscribe":
    case "sunsubscribe":
      expectTypeOf(message).toEqualTypeOf<ChannelConfirmation>();
      expectTypeOf(message.data).toEqualTypeOf<number>();
      expectTypeOf(message.pattern).toEqualTypeOf<null>();
      break;
    case "psubscribe":
    case "punsubscribe":
      expectTypeOf(message).toEqualTypeOf<PatternConfirmation>();
      expectTypeOf(message.data).toEqualTypeOf<number>();
      break;
    default:
      expectTypeOf(message).toBeNever();
  }
  expectTypeOf<Message>().toEqualTypeOf<PublishedMessage | Confirmation>();
}

/** A pattern that is not null makes it a message of a pattern, or a confirmation of one. */
export function byPattern(published: PublishedMessage): void {
  if (published.pattern !== null) expectTypeOf(published).toEqualTypeOf<PatternMessage>();
  else expectTypeOf(published).toEqualTypeOf<ChannelMessage>();
}

/** Messages are not the reader's to change. */
export function readOnly(published: ChannelMessage): void {
  // @ts-expect-error
  published.data = "other";
}

/** By default a consumer yields confirmations too. */
export async function withConfirmations(): Promise<void> {
  const consumer = await client.pubsub();
  expectTypeOf(consumer).toEqualTypeOf<PubSub<Message>>();
  for await (const item of consumer) expectTypeOf(item).toEqualTypeOf<Message>();
  for await (const item of consumer.messages()) expectTypeOf(item).toEqualTypeOf<PublishedMessage>();
  for await (const items of consumer.batches()) expectTypeOf(items).toEqualTypeOf<PublishedMessage[]>();
  expectTypeOf(await consumer.getMessage()).toEqualTypeOf<Message | null>();
  expectTypeOf(await consumer.getMessage({ timeout: 0 })).toEqualTypeOf<Message | null>();
  expectTypeOf(await consumer.receive()).toEqualTypeOf<PublishedMessage>();
  expectTypeOf(await client.pubsub({ ignoreSubscribeMessages: false })).toEqualTypeOf<PubSub<Message>>();
  expectTypeOf(await client.pubsub({ channels: "a" })).toEqualTypeOf<PubSub<Message>>();
}

/** `ignoreSubscribeMessages: true` leaves them out of the type. */
export async function withoutConfirmations(): Promise<void> {
  const consumer = await client.pubsub({ channels: ["a"], ignoreSubscribeMessages: true });
  expectTypeOf(consumer).toEqualTypeOf<PubSub<PublishedMessage>>();
  for await (const item of consumer) expectTypeOf(item).toEqualTypeOf<PublishedMessage>();
  expectTypeOf(await consumer.getMessage()).toEqualTypeOf<PublishedMessage | null>();
  expectTypeOf(await consumer.receive()).toEqualTypeOf<PublishedMessage>();
}

/** So does the option of one `getMessage`; a boolean that is not known does not. */
export async function perCall(unknownYet: boolean): Promise<void> {
  const consumer = await client.pubsub();
  expectTypeOf(
    await consumer.getMessage({ timeout: 1, ignoreSubscribeMessages: true }),
  ).toEqualTypeOf<PublishedMessage | null>();
  expectTypeOf(await consumer.getMessage({ ignoreSubscribeMessages: false })).toEqualTypeOf<Message | null>();
  expectTypeOf(await consumer.getMessage({ ignoreSubscribeMessages: unknownYet })).toEqualTypeOf<Message | null>();
  const undecided = await client.pubsub({ ignoreSubscribeMessages: unknownYet });
  expectTypeOf(await undecided.getMessage()).toEqualTypeOf<Message | null>();
}

/** `includeGaps: true` adds gaps: to everything that is read, not to handlers. */
export async function withGaps(): Promise<void> {
  const consumer = await client.pubsub({ includeGaps: true });
  expectTypeOf(consumer).toEqualTypeOf<PubSub<Message | Gap>>();
  for await (const item of consumer) expectTypeOf(item).toEqualTypeOf<Message | Gap>();
  for await (const item of consumer.messages()) expectTypeOf(item).toEqualTypeOf<PublishedMessage | Gap>();
  expectTypeOf(await consumer.receive()).toEqualTypeOf<PublishedMessage | Gap>();
  expectTypeOf(await consumer.getMessage()).toEqualTypeOf<Message | Gap | null>();
  await consumer.subscribe("a", (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage>());

  const published = await client.pubsub({ includeGaps: true, ignoreSubscribeMessages: true, names: "bytes" });
  for await (const item of published) {
    expectTypeOf(item).toEqualTypeOf<PublishedMessage<string, Buffer> | Gap<Buffer>>();
    if (item.type === "gap") expectTypeOf(item.channels).toEqualTypeOf<readonly Buffer[]>();
    else expectTypeOf(item.data).toEqualTypeOf<string>();
  }
}

/** A consumer says what it carries: `PubSub<Message<Order>>` is all that an annotation needs. */
export async function annotated(): Promise<void> {
  interface Order {
    readonly id: number;
  }
  const take = async (consumer: PubSub<Message<Order>>): Promise<void> => {
    expectTypeOf((await consumer.receive()).data).toEqualTypeOf<Order>();
    for await (const item of consumer) if (item.type === "message") expectTypeOf(item.data).toEqualTypeOf<Order>();
  };
  expectTypeOf(take).parameter(0).toEqualTypeOf<PubSub<Message<Order>>>();
  expectTypeOf<PubSub>().toEqualTypeOf<PubSub<Message<string>>>();

  const opened = await new PubSub(client, { channels: ["a"] }).open();
  expectTypeOf(opened).toEqualTypeOf<PubSub>();

  // @ts-expect-error a consumer of text is none of orders
  await take(await client.pubsub());
}

/** The short ways show messages alone, unless the options say otherwise. */
export async function short(cluster: RedisCluster): Promise<void> {
  const consumer = await client.subscribe("a");
  expectTypeOf(consumer).toEqualTypeOf<PubSub<PublishedMessage>>();
  const counted = await client.subscribe(["a"], ({ data }) => data.n, {
    codec: json<{ n: number }>(),
    includeGaps: true,
  });
  expectTypeOf(await counted.receive()).toEqualTypeOf<PublishedMessage<{ n: number }> | Gap<string>>();
  const all = await client.psubscribe("p*", { ignoreSubscribeMessages: false });
  expectTypeOf(all).toEqualTypeOf<PubSub<Message>>();
  await client.psubscribe("p*", (message) => expectTypeOf(message).toEqualTypeOf<PatternMessage>());
  expectTypeOf(await cluster.subscribe("a")).toEqualTypeOf<ClusterPubSub<PublishedMessage>>();
  expectTypeOf(await cluster.ssubscribe("a")).toEqualTypeOf<ShardedPubSub<PublishedMessage>>();
  // @ts-expect-error names come first
  await client.subscribe("a", { channels: "b" });
}
