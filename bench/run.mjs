// npm run bench: every scenario, every client, several interleaved runs; medians and targets as Markdown on stdout.
//
//   --quick          fewer messages, runs and clients
//   --runs <n>       runs of each client
//   --only <text>    scenarios whose name contains the text; may be given several times; --list shows the names
//   --client <name>  these clients only; may be given several times
//   --no-build       measures the build that is there

import { parseArgs } from "node:util";
import { tidingsVersion } from "./build.mjs";
import { drawBars } from "./chart.mjs";
import { CLIENTS } from "./clients.mjs";
import { keep } from "./common/figures.mjs";
import { Figures } from "./figures.mjs";
import { receivedReel } from "./frames.mjs";
import { describeMachine } from "./machine.mjs";
import { measure, startServer, startSource } from "./measure.mjs";
import { note, prepareBuild, prepareOptionalPeers, preparePeers } from "./prepare.mjs";
import { toMarkdown, writeJson } from "./report.mjs";
import { MAIN, SCENARIOS, SMALL } from "./scenarios.mjs";

const RUNS = 7;
/** What decides is measured more often than the rest even so. */
const QUICK_RUNS = { main: 3, others: 1 };
const QUICK_SCALE = 0.3;
/** Where rates are made of a scenario that was not measured. */
const USUAL_RATE = 500_000;
/** In the chart bars are drawn to scale up to so many times ours. */
const LONGEST = 18;
const LABELS = { raw: "a socket that counts", hiredis: "hiredis, in C" };
const CHARTED = [
  [MAIN, "Real traffic: JSON of 80 to 1,500 bytes, a quarter beyond ASCII; 5,000 channels by Zipf's law"],
  [SMALL, "64 bytes of ASCII, one channel"],
];
/** Sets that a real server serves. */
const SERVED = ["server", "publish", "latency", "subscriptions"];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    client: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
  },
});

const wanted = values.only.map((text) => text.toLowerCase());
const chosen = SCENARIOS.filter(
  ({ name, set }) => wanted.length === 0 || wanted.some((text) => name.toLowerCase().includes(text) || set === text),
);

if (values.list) {
  console.log(SCENARIOS.map(({ name, set }) => `${set.padEnd(13)} ${name}`).join("\n"));
} else if (chosen.length === 0) {
  note(`no scenario is called that; there are ${SCENARIOS.map(({ name }) => `"${name}"`).join(", ")}`);
  process.exitCode = 1;
} else {
  await main();
}

async function main() {
  const runs = Number(values.runs ?? RUNS);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new RangeError("--runs wants a number of at least 1");
  }
  const peers = preparePeers();
  const optional = prepareOptionalPeers();
  for (const [name, reason] of Object.entries(optional.missing)) {
    note(`skipping ${name}: ${reason}`);
  }
  const absent = prepareBuild(!values["no-build"]);
  if (absent !== null) {
    note(`skipping tidings: ${absent}`);
    process.exitCode = 1;
  }
  const versions = { ...(absent === null ? { tidings: tidingsVersion() } : {}), ...peers, ...optional.versions };
  const server = await realServer();
  const machine = describeMachine({ ...versions, server: server?.version ?? "none" });

  /** @type {import("./figures.mjs").Result[]} */
  const results = [];
  try {
    for (const scenario of chosen) {
      if (SERVED.includes(scenario.set) && server === null) {
        note(`skipping ${scenario.name}: no server`);
        process.exitCode = 1;
        continue;
      }
      const entries = scenario.entries.filter(({ client }) => takesPart(client, scenario, versions));
      const rate = rateOf(scenario, new Figures(results));
      results.push(await runScenario({ ...scenario, rate, entries }, runs, { server, native: optional.native }));
    }
  } finally {
    await server?.stop();
    optional.stop();
  }
  console.log(toMarkdown(machine, results, optional.missing));
  writeJson(machine, results, { quick: values.quick, runs, missing: optional.missing });
  drawChart(machine, results);
  if (results.some(({ lines }) => lines.some(({ failed }) => failed !== null))) {
    process.exitCode = 1;
  }
}

function takesPart(client, scenario, versions) {
  const { can, slow } = CLIENTS[client];
  const there = client === "raw" || client in versions;
  const asked = values.client.length === 0 || values.client.includes(client);
  const left = values.quick && slow && scenario.name !== MAIN && ["traffic", "replay", "server"].includes(scenario.set);
  return there && asked && !left && can(scenario);
}

/** Half of what the best peer in Node took in the scenario that is named. */
function rateOf({ rate }, figures) {
  if (typeof rate !== "string") {
    return rate;
  }
  const [best] = figures.ranked(rate, "rate", { kinds: ["node"], most: true });
  return Math.round((best?.value ?? USUAL_RATE) / 2);
}

async function realServer() {
  if (chosen.every(({ set }) => !SERVED.includes(set))) {
    return null;
  }
  try {
    return await startServer();
  } catch (error) {
    note(`no real server: ${error.message}`);
    return null;
  }
}

async function runScenario(scenario, wantedRuns, { server, native }) {
  const runs = values.quick && !values.runs ? QUICK_RUNS[scenario.name === MAIN ? "main" : "others"] : wantedRuns;
  const scale = values.quick ? QUICK_SCALE : 1;
  const lines = scenario.entries.map((entry) => ({ entry, runs: [], failed: null }));
  const source = await startSource(scenario, server, receivedReel(scenario).messages);
  try {
    for (let run = 0; run < runs; run += 1) {
      note(`${scenario.name}, run ${run + 1} of ${runs}`);
      // A run's clients follow each other in turn, so that the machine's moods meet all of them, and none is always first.
      for (let index = 0; index < lines.length; index += 1) {
        await runLine(lines[(index + run) % lines.length], { scenario, source, scale, native });
      }
    }
  } finally {
    await source.stop();
  }
  return { scenario, lines };
}

async function runLine(line, run) {
  const { entry } = line;
  if (line.failed !== null) {
    return;
  }
  try {
    line.runs.push(await measure({ ...run, entry }));
  } catch (error) {
    line.failed = error.message;
    note(`${run.scenario.name}, ${entry.client}, ${entry.how}: ${error.message}`);
  }
}

/** The chart in the documents shows a whole measurement of all clients; others are drawn beside the figures. */
function drawChart(machine, results) {
  const main = results.find(({ scenario }) => scenario.name === MAIN);
  if (main === undefined) {
    return;
  }
  const all = SCENARIOS.find(({ name }) => name === MAIN).entries.length;
  const done = main.lines.filter(({ failed }) => failed === null).length === all;
  const whole = done && !values.quick && !values.runs && results.some(({ scenario }) => scenario.name === SMALL);
  keep(whole ? "../../docs/images/speed.svg" : "speed.svg", speedChart(new Figures(results), machine));
}

function speedChart(figures, machine) {
  const groups = CHARTED.map(([scenario, title]) => {
    const ranked = figures.ranked(scenario, "cpu", { kinds: ["ours", "node", "other", "limit"] });
    const mine = ranked.find(({ name }) => name === "tidings")?.value ?? null;
    const bars = ranked.map(({ name, value }) => ({
      label: LABELS[name] ?? [name, machine[name]].filter(Boolean).join(" "),
      value,
      text: `${value.toFixed(2)}${mine === null || name === "tidings" ? "" : ` (${times(value / mine)})`}`,
      ours: name === "tidings",
    }));
    return { title, bars, longest: Math.min(ranked.at(-1)?.value ?? 1, (mine ?? Number.POSITIVE_INFINITY) * LONGEST) };
  });
  const title = "CPU per received message, in microseconds (less is better)";
  return drawBars({ title, groups, footer: `${machine.CPU}; Node ${machine.Node}. npm run bench` });
}

function times(ratio) {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}x`;
}
