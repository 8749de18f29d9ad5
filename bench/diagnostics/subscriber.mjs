// One consumer of a recorded stream: CPU and allocations per message, with or without a subscriber of
// `node:diagnostics_channel`. A process of its own.

import { subscribe } from "node:diagnostics_channel";
import { GCProfiler, setFlagsFromString } from "node:v8";
import { receivedReel } from "../frames.mjs";
import { startMeter } from "../meter.mjs";
import { config, fail, tell } from "../parent.mjs";
import { onPhases } from "../phases.mjs";
import { Tally } from "../tally.mjs";

/**
 * @type {{ module: string, scenario: import("../scenarios.mjs").Scenario, port: number, listens: boolean,
 *   what: "cpu" | "bytes" }}
 */
const { module, scenario, port, listens, what } = config;
if (what === "bytes") {
  // The compiler may leave out objects that never leave a function, and does so in some runs and not in others: bytes
  // are those that the code asks for.
  setFlagsFromString("--no-turbo-escape");
}
const { Redis } = await import(module);
const reel = receivedReel(scenario);
const tally = new Tally();
let told = 0;

/** Bytes that are allocated on the heap from now on, collected or not. */
function startAllocations() {
  const profiler = new GCProfiler();
  profiler.start();
  const before = process.memoryUsage().heapUsed;
  return () => {
    const after = process.memoryUsage().heapUsed;
    const { statistics } = profiler.stop();
    const freed = statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
    return after - before + freed.reduce((sum, bytes) => sum + bytes, 0);
  };
}

let toldBefore = 0;
onPhases({
  tally,
  sums: reel,
  measure: () => {
    toldBefore = told;
    const allocated = what === "bytes" ? startAllocations() : null;
    const meter = startMeter();
    return (messages) => ({ figure: allocated === null ? meter.stop(messages).cpu : allocated() / messages });
  },
  // The message that ends the phase is told as well, before it is here.
  check: (messages) => {
    const toldNow = told - toldBefore;
    return toldNow === (listens ? messages + 1 : 0) ? null : `${toldNow} of ${messages} messages were told`;
  },
});

try {
  if (listens) {
    subscribe("tidings:message", () => {
      told += 1;
    });
  }
  const client = new Redis(`redis://127.0.0.1:${port}`);
  await client.pubsub({
    ignoreSubscribeMessages: true,
    channelHandlers: [["news", (message) => tally.string(message.data)]],
  });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
