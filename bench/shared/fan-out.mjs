// One channel, one consumer or many on it: what a delivery costs. A process of its own.

import { tidingsModule } from "../build.mjs";
import { receivedReel } from "../frames.mjs";
import { config, fail, tell } from "../parent.mjs";
import { onPhases } from "../phases.mjs";
import { Tally } from "../tally.mjs";

const { Redis } = await import(tidingsModule());

/** @type {{ scenario: import("../scenarios.mjs").Scenario, port: number, consumers: number }} 0: one that is not shared */
const { scenario, port, consumers } = config;
const takers = Math.max(1, consumers);
const reel = receivedReel(scenario);
const tally = new Tally();

const sums = { messages: reel.messages * takers, length: reel.length * takers, touched: reel.touched * takers };
// Each consumer sees the message that ends the phase.
onPhases({ tally, sums, endings: takers });

try {
  const client = new Redis(`redis://127.0.0.1:${port}`);
  // A handler each, as every user has one of their own.
  const open = () =>
    client.pubsub({
      shared: consumers > 0,
      ignoreSubscribeMessages: true,
      subscriptionTimeout: 30_000,
      channelHandlers: [["news", (message) => tally.string(message.data)]],
    });
  await open();
  await Promise.all(Array.from({ length: takers - 1 }, open));
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
