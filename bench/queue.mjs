// Takes messages one by one from a queue that is kept so deep, and says what one costs. A process of its own.

import { setTimeout as wait } from "node:timers/promises";
import { tidingsModule } from "./build.mjs";
import { heapUsed } from "./common/heap.mjs";
import { receivedReel } from "./frames.mjs";
import { startMeter } from "./meter.mjs";
import { config, fail, tell } from "./parent.mjs";

/** @type {{ scenario: import("./scenarios.mjs").Scenario, port: number, depth: number, warmUp: number, messages: number }} */
const { scenario, port, depth, warmUp, messages } = config;
const reel = receivedReel(scenario);
const NOW = { timeout: 0 };

const { Redis } = await import(tidingsModule());
const client = new Redis(`redis://127.0.0.1:${port}`);
client.on("error", fail);

/** Waits until at least so many messages are unread, then takes what is beyond. */
async function fill(consumer) {
  const times = Math.ceil(depth / reel.messages);
  const filled = consumer.stats().pending + times * reel.messages;
  tell({ type: "armed", times });
  while (consumer.stats().pending < filled) {
    await wait(1);
  }
  await take(consumer, consumer.stats().pending - depth);
}

/** Takes so many messages, and gives their cost. */
async function take(consumer, count) {
  const meter = startMeter();
  for (let taken = 0; taken < count; taken += 1) {
    const message = await consumer.getMessage(NOW);
    if (message === null || message.data.length === 0) {
      throw new Error(`nothing to take after ${taken} of ${count} messages`);
    }
  }
  return meter.stop(count);
}

/** Takes so many messages from a queue that is filled when it is empty; microseconds and seconds of taking alone. */
async function takeAll(consumer, wanted) {
  let [left, cpu, seconds, memory] = [wanted, 0, 0, 0];
  while (left > 0) {
    const count = Math.min(left, depth);
    if (consumer.stats().pending < count) {
      await fill(consumer);
      await heapUsed();
    }
    const figures = await take(consumer, count);
    cpu += figures.cpu * count;
    seconds += count / figures.rate;
    memory = figures.memory;
    left -= count;
  }
  return { cpu: cpu / wanted, rate: wanted / seconds, memory };
}

try {
  const consumer = await client.pubsub({
    channels: "news",
    ignoreSubscribeMessages: true,
    buffer: { limit: 2 ** 31 - 1, limitBytes: 2 ** 40 },
  });
  // The place of the confirmation, which is left out.
  await consumer.getMessage(NOW);
  await takeAll(consumer, warmUp);
  tell({ type: "measured", figures: await takeAll(consumer, messages) });
} catch (error) {
  fail(error);
}
