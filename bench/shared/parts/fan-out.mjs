// One message to 1 and up to 10,000 shared consumers: CPU per delivery, against a message of a consumer of its own.

import { Child } from "../../child.mjs";
import { median, spread, toTable } from "../../common/figures.mjs";
import { receivedReel } from "../../frames.mjs";
import { playPhase, startSource } from "../../measure.mjs";
import { note } from "../../prepare.mjs";

export const title = "One message to many: a recorded stream, 64 bytes, one channel, handlers";

const SECONDS = 120;
const CHILD = new URL("../fan-out.mjs", import.meta.url).href;
/** 0 is a consumer that is not shared; the others are held against it. */
const CONSUMERS = [0, 1, 10, 100, 1000, 10_000];
const DELIVERIES = 4_000_000;
const WARM_UP = 600_000;

/** @type {import("../../scenarios.mjs").Scenario} */
const SCENARIO = {
  name: "fan-out",
  set: "replay",
  payload: { size: 64, text: "ascii" },
  channels: 1,
  pattern: null,
  protocol: 3,
  data: "string",
  messages: DELIVERIES,
  warmUp: WARM_UP,
  entries: [],
};

export async function measureAll({ runs, quick }) {
  const { messages } = receivedReel(SCENARIO);
  const source = await startSource(SCENARIO, null, messages);
  const results = [];
  try {
    for (let run = 0; run < runs; run += 1) {
      const costs = {};
      for (const consumers of CONSUMERS) {
        note(`one message to ${consumers} consumers, run ${run + 1} of ${runs}`);
        costs[consumers] = await measureOnce(source, consumers, quick ? 0.25 : 1);
      }
      results.push(costs);
    }
  } finally {
    await source.stop();
  }
  return results;
}

/** Microseconds per delivery. */
async function measureOnce(source, consumers, scale) {
  const child = new Child(CHILD, { scenario: SCENARIO, port: source.port, consumers }, SECONDS);
  const phase = (deliveries) => {
    const each = source.reelMessages * Math.max(1, consumers);
    return playPhase(child, source, Math.max(1, Math.round((deliveries * scale) / each)));
  };
  try {
    await child.next("ready");
    await phase(WARM_UP);
    return (await phase(DELIVERIES)).cpu;
  } finally {
    await child.stop();
  }
}

export function toText(runs) {
  const rows = CONSUMERS.map((consumers) => [
    consumers === 0 ? "one, not shared" : `${consumers.toLocaleString("en-US")} shared`,
    spread(
      runs.map((costs) => costs[consumers]),
      3,
    ),
    spread(
      runs.map((costs) => costs[consumers] / costs[0]),
      2,
    ),
  ]);
  const head = ["consumers of the channel", "CPU us per delivery", "ratio to the first line"];
  return `${toTable(head, rows)}\n\nMedians, and what the runs lie between; the ratio is that of one and the same run. Largest median ratio: ${Math.max(...CONSUMERS.map((consumers) => median(runs.map((costs) => costs[consumers] / costs[0])))).toFixed(2)}.`;
}
