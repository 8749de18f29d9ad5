// Subscribe, publish, read. Run it with: npx tsx examples/quick-start.ts

import { Redis } from "tidings";

await using client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

// Subscribed when it resolves: nothing that is published from here on can be missed.
await using consumer = await client.pubsub({ channels: ["news", "weather"], patterns: ["sport.*"] });

await client.publish("news", "tidings is here");
await client.publish("sport.golf", "hole in one");

// The next published message, or a TimeoutError.
const message = await consumer.receive({ timeout: 1000 });
console.log(message.channel, message.data);

// Or a loop. It ends when nothing is subscribed any more and all is read.
for await (const message of consumer.messages()) {
  console.log(message.type, message.channel, message.data);
  await consumer.unsubscribe();
  await consumer.punsubscribe();
}

// Leaving the file's scope closes the consumer, then the client.
