// JSON in and out, checked by a schema. Any Standard Schema validator will do: zod here, or valibot, arktype, …

import { CodecError, json, Redis } from "tidings";
import { z } from "zod";

const Order = z.object({
  id: z.number().int(),
  placed: z.iso.datetime().transform((text) => new Date(text)),
  note: z.string().default("none"),
});

// The codec says what `data` is (the schema's output) and what `publish` takes (its input).
await using client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379", { codec: json(Order) });
await using consumer = await client.pubsub({ channels: ["orders"] });

// A payload that does not fit is dropped and told here; it never stops a subscriber.
consumer.on("error", (error) => {
  if (error instanceof CodecError) console.error(`${error.message} ${String(error.cause)}`);
  else console.error(error);
});

await client.publish("orders", { id: 1, placed: "2026-03-01T12:00:00Z" });
await client.publish("orders", Buffer.from('{"id":"one"}')); // bytes go out as they are
await client.publish("orders", { id: 2, placed: "2026-03-02T12:00:00Z", note: "urgent" });

for (let left = 2; left > 0; left--) {
  const { data } = await consumer.receive({ timeout: 1000 });
  console.log(`order ${data.id} of ${data.placed.toDateString()}: ${data.note}`);
}
