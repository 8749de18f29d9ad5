// A handler for each channel or pattern. They run whether or not the consumer is read.
// Stop it with Ctrl-C.

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { HandlerError, Redis } from "tidings";

await using client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

await using consumer = await client.pubsub({
  channelHandlers: {
    // Sync: done when it returns.
    temperature: (message) => console.log(`it is ${message.data} degrees`),
    // Async: the next message of this channel waits for it, other channels do not.
    mail: async (message) => {
      await delay(100);
      console.log(`sent to ${message.data}`);
    },
  },
  patternHandlers: {
    "door.*": ({ channel, data }) => console.log(`${channel} is ${data}`),
  },
});

// What a handler throws comes here and disturbs no other message. Without a listener it would end the process.
consumer.on("error", (error) => {
  if (error instanceof HandlerError) console.error(`${error.channel}:`, error.cause);
  else console.error(error);
});

// A handler can be added, replaced and removed at any time.
await consumer.subscribe("alarm", () => {
  throw new Error("no siren connected");
});

for (const [channel, data] of [
  ["temperature", "21"],
  ["mail", "alice@example.org"],
  ["mail", "bob@example.org"],
  ["door.front", "open"],
  ["alarm", "!"],
] as const) {
  await client.publish(channel, data);
}

await once(process, "SIGINT");
await consumer.drain(); // handlers finish what has arrived
