// @ts-check
// Without TypeScript, and without `await using`, which Node 20 does not know: try and finally.
// CommonJS works too: const { Redis } = require("tidings")

import { Redis } from "tidings";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
try {
  const consumer = await client.pubsub({ channels: ["news"] });

  await client.publish("news", "tidings is here");
  console.log((await consumer.receive({ timeout: 1000 })).data);

  // A consumer may also be closed on its own.
  await consumer.close();
} finally {
  // Closes the consumers that are still open, then the connections.
  await client.close();
}
