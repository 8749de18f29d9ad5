// npm run bench: every scenario, every client, several interleaved runs; medians as Markdown on stdout.
//
//   --quick          fewer messages and runs
//   --runs <n>       runs of each client
//   --only <text>    scenarios whose name contains the text; may be given several times; --list shows the names
//   --no-build       measures the build that is there

import { parseArgs } from "node:util";
import { tidingsVersion } from "./build.mjs";
import { receivedReel } from "./frames.mjs";
import { describeMachine } from "./machine.mjs";
import { measure, startServer, startSource } from "./measure.mjs";
import { note, prepareBuild, preparePeers } from "./prepare.mjs";
import { toMarkdown, writeJson } from "./report.mjs";
import { SCENARIOS } from "./scenarios.mjs";

const RUNS = 5;
const QUICK_RUNS = 2;
const QUICK_SCALE = 0.3;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
  },
});

const wanted = values.only.map((text) => text.toLowerCase());
const chosen = SCENARIOS.filter(
  ({ name, set }) => wanted.length === 0 || wanted.some((text) => name.toLowerCase().includes(text) || set === text),
);

if (values.list) {
  console.log(SCENARIOS.map(({ name, set }) => `${set.padEnd(8)} ${name}`).join("\n"));
} else if (chosen.length === 0) {
  note(`no scenario is called that; there are ${SCENARIOS.map(({ name }) => `"${name}"`).join(", ")}`);
  process.exitCode = 1;
} else {
  await main();
}

async function main() {
  const runs = Number(values.runs ?? (values.quick ? QUICK_RUNS : RUNS));
  const scale = values.quick ? QUICK_SCALE : 1;
  if (!Number.isInteger(runs) || runs < 1) {
    throw new RangeError("--runs wants a number of at least 1");
  }

  const peers = preparePeers();
  const absent = prepareBuild(!values["no-build"]);
  if (absent !== null) {
    note(`skipping tidings: ${absent}`);
    process.exitCode = 1;
  }
  const versions = { ...(absent === null ? { tidings: tidingsVersion() } : {}), ...peers };
  const server = await realServer();
  const machine = describeMachine({ ...versions, server: server?.version ?? "none" });

  /** @type {import("./report.mjs").Result[]} */
  const results = [];
  try {
    for (const scenario of chosen) {
      if (scenario.set !== "replay" && server === null) {
        note(`skipping ${scenario.name}: no server`);
        process.exitCode = 1;
        continue;
      }
      results.push(await runScenario(scenario, { runs, scale, absent, serverPort: server?.port ?? 0 }));
    }
  } finally {
    await server?.stop();
  }
  console.log(toMarkdown(machine, results));
  writeJson(machine, results, { quick: values.quick, runs });
  if (results.some(({ lines }) => lines.some(({ failed }) => failed !== null))) {
    process.exitCode = 1;
  }
}

async function realServer() {
  if (chosen.every(({ set }) => set === "replay")) {
    return null;
  }
  try {
    return await startServer();
  } catch (error) {
    note(`no real server: ${error.message}`);
    return null;
  }
}

async function runScenario(scenario, { runs, scale, absent, serverPort }) {
  const lines = scenario.entries.map((entry) => ({ entry, runs: [], failed: null }));
  const present = lines.filter(({ entry }) => entry.client !== "tidings" || absent === null);
  const source = await startSource(scenario, serverPort, receivedReel(scenario).messages);
  try {
    for (let run = 0; run < runs; run += 1) {
      note(`${scenario.name}, run ${run + 1} of ${runs}`);
      // A run's clients follow each other in turn, so that the machine's moods meet all of them, and none is always first.
      for (let index = 0; index < present.length; index += 1) {
        await runLine(scenario, present[(index + run) % present.length], source, scale);
      }
    }
  } finally {
    await source.stop();
  }
  return { scenario, lines };
}

async function runLine(scenario, line, source, scale) {
  if (line.failed !== null) {
    return;
  }
  try {
    line.runs.push(await measure(scenario, line.entry, source, scale));
  } catch (error) {
    line.failed = error.message;
    note(`${scenario.name}, ${line.entry.client}, ${line.entry.how}: ${error.message}`);
  }
}
