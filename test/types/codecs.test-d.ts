// Compiled by `npm run check`, never run: codecs and forms of names, and what they make of `data` and `publish`.

import { bytes, type Codec, json, type Message, type PublishedMessage, PubSub, Redis, utf8 } from "tidings";
import { expectTypeOf } from "vitest";
import { z } from "zod";

interface Order {
  readonly id: number;
}

const schema = z.object({ id: z.number(), placed: z.string().transform((text) => new Date(text)) });
type Input = { id: number; placed: string };
type Output = { id: number; placed: Date };

export async function byDefaultText(): Promise<void> {
  const client = new Redis();
  expectTypeOf(client).toEqualTypeOf<Redis<string, string, "utf8">>();
  expectTypeOf(client.publish).parameter(1).toEqualTypeOf<string | Uint8Array>();
  expectTypeOf(client.spublish).parameter(1).toEqualTypeOf<string | Uint8Array>();
  await client.publish(Buffer.from("a"), new Uint8Array());
  // @ts-expect-error a number is no text
  await client.publish("a", 1);
  expectTypeOf(new Redis({ codec: utf8 })).toEqualTypeOf<Redis>();
  expectTypeOf(new Redis("redis://localhost", {})).toEqualTypeOf<Redis>();
  expectTypeOf(new Redis(new URL("redis://localhost"))).toEqualTypeOf<Redis>();
}

export async function rawBytes(): Promise<void> {
  const client = new Redis({ codec: bytes });
  expectTypeOf(client.publish).parameter(1).toEqualTypeOf<string | Uint8Array>();
  const consumer = await client.pubsub();
  expectTypeOf(consumer).toEqualTypeOf<PubSub<Message<Buffer>>>();
  expectTypeOf((await consumer.receive()).data).toEqualTypeOf<Buffer>();
}

export async function jsonOfAType(): Promise<void> {
  const client = new Redis("redis://localhost", { codec: json<Order>() });
  expectTypeOf(client.publish).parameter(1).toEqualTypeOf<Order | Uint8Array>();
  const consumer = await client.pubsub({ ignoreSubscribeMessages: true });
  expectTypeOf(consumer).toEqualTypeOf<PubSub<PublishedMessage<Order>>>();
  // @ts-expect-error an order has an id
  await client.publish("orders", {});
  expectTypeOf(json()).toEqualTypeOf<Codec<unknown>>();
}

export async function jsonOfASchema(): Promise<void> {
  const client = new Redis({ codec: json(schema) });
  expectTypeOf(client.publish).parameter(1).toEqualTypeOf<Input | Uint8Array>();
  const consumer = await client.pubsub();
  expectTypeOf((await consumer.receive()).data).toEqualTypeOf<Output>();
  await client.publish("orders", { id: 1, placed: "2026-03-01" });
  // @ts-expect-error the input is text; the Date is the output
  await client.publish("orders", { id: 1, placed: new Date() });
}

/** A codec of your own is any object with `decode` and `encode`. */
export async function ofYourOwn(): Promise<void> {
  const numbers: Codec<number> = { decode: (payload) => payload.readInt32BE(), encode: (value) => String(value) };
  const consumer = await new Redis({ codec: numbers }).pubsub();
  expectTypeOf((await consumer.receive()).data).toEqualTypeOf<number>();
  const inline = await new Redis().pubsub({ codec: { decode: (payload) => payload.length, encode: () => "" } });
  expectTypeOf((await inline.receive()).data).toEqualTypeOf<number>();
  // @ts-expect-error it encodes to a string or bytes
  new Redis({ codec: { decode: () => 1, encode: () => 1 } });
  // @ts-expect-error it decodes too
  new Redis({ codec: { encode: () => "" } });
  // A codec that puts out more precisely fits where less is asked, and one that takes more where less is given.
  expectTypeOf<Codec<"a", unknown>>().toExtend<Codec<string, string>>();
  expectTypeOf<Codec<unknown, string>>().not.toExtend<Codec<string, string>>();
  expectTypeOf<Codec<string, "a">>().not.toExtend<Codec<string, string>>();
}

/** The consumer's codec goes before the client's; `publish` stays the client's. */
export async function consumerOverClient(): Promise<void> {
  const client = new Redis({ codec: json<Order>() });
  expectTypeOf(await client.pubsub({ codec: bytes })).toEqualTypeOf<PubSub<Message<Buffer>>>();
  expectTypeOf(await client.pubsub({ codec: json(schema) })).toEqualTypeOf<PubSub<Message<Output>>>();
  expectTypeOf(await client.pubsub({ codec: undefined })).toEqualTypeOf<PubSub<Message<Order>>>();
  expectTypeOf(client.publish).parameter(1).toEqualTypeOf<Order | Uint8Array>();
}

/** `names: "bytes"` shows channels and patterns as Buffers, everywhere. */
export async function namesAsBytes(): Promise<void> {
  const client = new Redis({ names: "bytes" });
  expectTypeOf(await client.pubsubChannels()).toEqualTypeOf<Buffer[]>();
  expectTypeOf(await client.pubsubNumsub("a")).toEqualTypeOf<ReadonlyMap<Buffer, number>>();
  const consumer = await client.pubsub();
  expectTypeOf(consumer).toEqualTypeOf<PubSub<Message<string, Buffer>>>();
  const message = await consumer.receive();
  expectTypeOf(message.channel).toEqualTypeOf<Buffer>();
  expectTypeOf(message.pattern).toEqualTypeOf<Buffer | null>();
  expectTypeOf(message.data).toEqualTypeOf<string>();
  expectTypeOf([...consumer.channels.keys()]).toEqualTypeOf<Buffer[]>();
  expectTypeOf([...consumer.patterns.keys()]).toEqualTypeOf<Buffer[]>();
  expectTypeOf([...consumer.denied.keys()]).toEqualTypeOf<Buffer[]>();

  const text = await client.pubsub({ names: "utf8" });
  expectTypeOf((await text.receive()).channel).toEqualTypeOf<string>();
  const both = await new Redis().pubsub({ names: "bytes", codec: bytes, ignoreSubscribeMessages: true });
  expectTypeOf(both).toEqualTypeOf<PubSub<PublishedMessage<Buffer, Buffer>>>();
  expectTypeOf(await new Redis().pubsubChannels()).toEqualTypeOf<string[]>();
}

/** With `new PubSub` the item is named, and the options must agree with it. */
export async function byTheClass(): Promise<void> {
  const client = new Redis();
  const consumer = await new PubSub<Message<Order, Buffer>>(client, { codec: json<Order>(), names: "bytes" }).open();
  expectTypeOf((await consumer.receive()).data).toEqualTypeOf<Order>();
  // @ts-expect-error the codec gives Buffers, the item has orders
  new PubSub<Message<Order>>(client, { codec: bytes });
  // @ts-expect-error the names are Buffers, the item has text
  new PubSub<Message>(client, { names: "bytes" });
  // @ts-expect-error a codec without a named item would be taken for text
  new PubSub(client, { codec: json<Order>() });
}
