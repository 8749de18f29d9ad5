// A worker that finishes what it has begun when it is told to end (SIGTERM), and loses nothing that has arrived.
// Run it with: npx tsx examples/graceful-shutdown.ts

import { Redis } from "tidings";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
const consumer = await client.pubsub({ channels: ["jobs"] });

process.once("SIGTERM", async () => {
  // Unsubscribes, lets every loop and handler finish what it has taken, has the last commands answered, then closes.
  await client.drain({ timeout: 10_000 });
  const { received, delivered, dropped } = client.stats();
  console.log(`ended: ${received} received, ${delivered} done, ${dropped} abandoned`);
  process.exit(0);
});

console.log("ready");
for await (const { data } of consumer.messages()) {
  await work(data);
  await client.publish("done", data);
}

async function work(job: string): Promise<void> {
  console.log(`begin ${job}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  console.log(`end ${job}`);
}
