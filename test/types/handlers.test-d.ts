// Compiled by `npm run check`, never run: what handlers are given, by every way to register them.

import {
  bytes,
  type ChannelMessage,
  type Handler,
  json,
  type Message,
  type PatternMessage,
  type PublishedMessage,
  type Redis,
} from "tidings";
import { expectTypeOf } from "vitest";

interface Order {
  readonly id: number;
}

declare const client: Redis;

/** In the options: an object, a Map, or pairs. */
export async function inOptions(): Promise<void> {
  await client.pubsub({
    channelHandlers: { a: (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage>() },
    patternHandlers: { "a.*": (message) => expectTypeOf(message).toEqualTypeOf<PatternMessage>() },
  });
  await client.pubsub({
    channelHandlers: [
      ["a", (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage>()],
      [Buffer.from("b"), async (message) => expectTypeOf(message.data).toEqualTypeOf<string>()],
    ],
    patternHandlers: new Map([["a.*", (message: PatternMessage) => message.pattern]]),
  });
}

/** They follow the codec and the form of names of the same options, whatever their order. */
export async function followOptions(): Promise<void> {
  await client.pubsub({
    channelHandlers: { a: (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage<Order>>() },
    codec: json<Order>(),
  });
  await client.pubsub({
    names: "bytes",
    codec: bytes,
    patternHandlers: { "a.*": (message) => expectTypeOf(message).toEqualTypeOf<PatternMessage<Buffer, Buffer>>() },
  });
}

export async function inSubscribe(): Promise<void> {
  const consumer = await client.pubsub({ codec: json<Order>() });
  const channel = (message: ChannelMessage<Order>): void => void message;
  const pattern = async (message: PatternMessage<Order>): Promise<void> => void message;

  await consumer.subscribe("a", (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage<Order>>());
  await consumer.subscribe(["a", Buffer.from("b")], channel, { timeout: 1 });
  await consumer.subscribe({ a: (message) => expectTypeOf(message).toEqualTypeOf<ChannelMessage<Order>>() });
  await consumer.subscribe(new Map([["a", channel]]), { signal: new AbortController().signal });
  await consumer.psubscribe("a.*", (message) => expectTypeOf(message).toEqualTypeOf<PatternMessage<Order>>());
  await consumer.psubscribe(new Set(["a.*"]), pattern);
  await consumer.psubscribe({ "a.*": (message) => expectTypeOf(message).toEqualTypeOf<PatternMessage<Order>>() });
  await consumer.subscribe("a", undefined, { timeout: 1 });

  // @ts-expect-error it is given messages of a pattern, not of a channel
  await consumer.psubscribe("a.*", channel);
  // @ts-expect-error and the reverse
  await consumer.subscribe({ a: pattern });
  // @ts-expect-error it is given orders
  await consumer.subscribe("a", (message: ChannelMessage<string>) => message.data);
}

/** One handler for both kinds, and the handlers a consumer shows. */
export async function handlerType(): Promise<void> {
  const consumer = await client.pubsub();
  const log: Handler = ({ channel, data }) => `${channel}: ${data}`;
  const logMessage = (message: PublishedMessage): void => void message;
  await consumer.subscribe("a", log);
  await consumer.psubscribe("a.*", log);
  await consumer.subscribe("a", logMessage);
  await consumer.psubscribe("a.*", logMessage);
  await consumer.subscribe("a", () => {});
  await consumer.subscribe("a", async (_message: Message) => 1);
  expectTypeOf(consumer.channels.get("a")).toEqualTypeOf<Handler<ChannelMessage> | null | undefined>();
  expectTypeOf(consumer.patterns.get("a")).toEqualTypeOf<Handler<PatternMessage> | null | undefined>();
}
