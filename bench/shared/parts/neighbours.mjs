// Whether a shared consumer that never reads delays another one on the same channel.

import { Child } from "../../child.mjs";
import { median, spread, toTable } from "../../common/figures.mjs";
import { note } from "../../prepare.mjs";

export const title = "A neighbour that never reads: a real server, 20,000 messages/s, 64 bytes, `for await`";

const SECONDS = 60;
const CHILD = new URL("../neighbours.mjs", import.meta.url).href;
const PACER = new URL("../../pacer.mjs", import.meta.url).href;
const RATE = 20_000;
const WARM_UP = 10_000;
const LINES = { alone: false, "beside one that never reads": true };

export async function measureAll({ server: { port }, runs, quick }) {
  const messages = quick ? 20_000 : 60_000;
  const results = Object.fromEntries(Object.keys(LINES).map((name) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const [name, slow] of Object.entries(LINES)) {
      note(`latency ${name}, run ${run + 1} of ${runs}`);
      results[name].push(await measureOnce({ port, slow, messages, warmUp: WARM_UP }));
    }
  }
  return results;
}

async function measureOnce(config) {
  const child = new Child(CHILD, config, SECONDS);
  const pacer = new Child(PACER, { port: config.port, channel: "news", size: 64, rate: RATE }, SECONDS);
  try {
    await Promise.all([child.next("ready"), pacer.next("ready")]);
    pacer.send({ type: "publish", messages: config.messages + config.warmUp });
    child.send({ type: "report" });
    return (await child.next("measured")).figures;
  } finally {
    await Promise.all([child.stop(), pacer.stop()]);
  }
}

export function toText(results) {
  const rows = Object.entries(results).map(([name, runs]) => [
    name,
    spread(
      runs.map((run) => run.median),
      0,
    ),
    spread(
      runs.map((run) => run.p99),
      0,
    ),
    median(runs.map((run) => run.dropped)).toLocaleString("en-US"),
  ]);
  const head = ["a shared consumer that reads", "median us", "p99 us", "dropped by its neighbour"];
  return `${toTable(head, rows)}\n\nFrom the making of the payload to the loop that reads it; medians of the runs, and what they lie between.`;
}
