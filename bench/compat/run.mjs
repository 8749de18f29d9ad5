// npm run bench:compat [-- --quick | --runs <n> | --no-build]: what a message costs through the faces of tidings/compat,
// beside a plain consumer.

import { begin } from "../begin.mjs";
import { tidingsModule } from "../build.mjs";
import { Child } from "../child.mjs";
import { keep, spread, toList, toTable } from "../common/figures.mjs";
import { receivedReel } from "../frames.mjs";
import { describeMachine } from "../machine.mjs";
import { playPhase, startSource } from "../measure.mjs";
import { note } from "../prepare.mjs";

const { runs, quick, versions } = begin({ runs: [7, 3] });

const SUBSCRIBER = new URL("subscriber.mjs", import.meta.url).href;
const SECONDS = 60;
const MESSAGES = quick ? 1_000_000 : 3_000_000;
const WARM_UP = 500_000;
/** What a face may cost of a consumer of the same form. */
const TARGET = 1.3;
/** Each way, and what it is held against. */
const WAYS = {
  consumer: "consumer",
  asIoredis: "consumer",
  asNodeRedis: "consumer",
  "consumer, bytes": "consumer, bytes",
  "asIoredis, bytes": "consumer, bytes",
  "asNodeRedis, bytes": "consumer, bytes",
};

/** @type {import("../scenarios.mjs").Scenario} */
const SCENARIO = {
  name: "compat",
  set: "replay",
  payload: { size: 64, text: "ascii" },
  channels: 1,
  pattern: null,
  protocol: 3,
  data: "string",
  messages: MESSAGES,
  warmUp: WARM_UP,
  entries: [],
};

const machine = describeMachine(versions);
const modules = { core: tidingsModule(), compat: tidingsModule("./compat") };
const figures = await measureAll();
console.log(`${toList(machine)}\n\n${toText(figures)}\n`);
keep("compat.json", { machine, runs, figures });

async function measureAll() {
  const source = await startSource(SCENARIO, null, receivedReel(SCENARIO).messages);
  const names = Object.keys(WAYS);
  const all = Object.fromEntries(names.map((name) => [name, []]));
  try {
    for (let run = 0; run < runs; run += 1) {
      note(`run ${run + 1} of ${runs}`);
      // They take turns, and none is always first.
      for (let index = 0; index < names.length; index += 1) {
        const how = names[(index + run) % names.length];
        all[how].push(await measureOnce(source, how));
      }
    }
  } finally {
    await source.stop();
  }
  return all;
}

async function measureOnce(source, how) {
  const child = new Child(SUBSCRIBER, { ...modules, scenario: SCENARIO, port: source.port, how }, SECONDS);
  const phase = (messages) => playPhase(child, source, Math.max(1, Math.round(messages / source.reelMessages)));
  try {
    await child.next("ready");
    await phase(WARM_UP);
    return (await phase(MESSAGES)).figure;
  } finally {
    await child.stop();
  }
}

function toText(all) {
  const rows = Object.entries(all).map(([name, cpu]) => {
    const ratios = cpu.map((one, run) => one / all[WAYS[name]][run]);
    const median = [...ratios].sort((one, other) => one - other)[Math.floor(ratios.length / 2)];
    return [name, spread(cpu, 3), spread(ratios, 2), median <= TARGET ? "met" : "NOT MET"];
  });
  return `${toTable(["64 B, one channel, replayed", "CPU us per message", "ratio to the consumer", `at most ${TARGET}x`], rows)}

Medians of ${runs} runs, and what they lie between; the ratio is that of one and the same run.`;
}
