// A subscriber in a process of its own: what test/faults/subscriber-process.ts starts, asks and hears.

import { PubSub, Redis } from "../../src/index.ts";
import type { Order, Report, Setting } from "./subscriber-process.ts";

const { port, protocol, channels, delay, ...patience } = JSON.parse(process.argv[2] ?? "") as Setting;

function report(what: Report, written?: () => void): void {
  process.send?.(what, undefined, undefined, () => written?.());
}

/** Keeps the event loop from turning. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
  report({ type: "blocked" });
}

const client = new Redis({ host: "127.0.0.1", port, protocol, retryPolicy: () => delay });
const consumer = new PubSub(client, { ...patience, channels, ignoreSubscribeMessages: true, includeGaps: true });

process.on("message", ({ blockFor }: Order) => {
  if (blockFor > 0) report({ type: "blocking" }, () => block(blockFor));
  else void client.close().then(() => process.disconnect());
});
// Nobody is left to end this process.
process.once("disconnect", () => process.exit());

await consumer.open();
consumer.on("state", (state) => report({ type: "state", state }));
report({ type: "open" });
for await (const item of consumer.messages({ until: "closed" })) report(item);
