// npm run bench:diagnostics [-- --quick | --runs <n> | --no-build]: what `node:diagnostics_channel` costs a message, with
// and without a subscriber.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { begin } from "../begin.mjs";
import { tidingsModule } from "../build.mjs";
import { keep, spread, toList, toTable } from "../common/figures.mjs";
import { figureOf, inTurns, oneChannel } from "../common/one-channel.mjs";
import { describeMachine } from "../machine.mjs";

const { runs, quick, versions } = begin({ runs: [11, 3] });

const SUBSCRIBER = new URL("subscriber.mjs", import.meta.url).href;
const MESSAGES = quick ? 1_000_000 : 3_000_000;
const PARTS = { cpu: MESSAGES, bytes: 400_000 };

/** Ours first; the others are held against it. `patched`: the checks for subscribers are answered beforehand. */
const LINES = {
  "no subscriber": { patched: false, listens: false },
  "the same once more": { patched: false, listens: false },
  "checks taken out": { patched: true, listens: false },
  "a listener on tidings:message": { patched: false, listens: true },
};

const SCENARIO = oneChannel("diagnostics", MESSAGES, 500_000);

const machine = describeMachine(versions);
// In this folder, so that the copies find the library's dependencies.
const results = fileURLToPath(new URL("../results/", import.meta.url));
mkdirSync(results, { recursive: true });
const folder = mkdtempSync(join(results, "diagnostics-"));
try {
  const { modules, checks } = copies();
  const figures = await inTurns(SCENARIO, Object.keys(LINES), runs, async (source, name) => ({
    cpu: await measureOnce(source, modules, LINES[name], "cpu"),
    bytes: await measureOnce(source, modules, LINES[name], "bytes"),
  }));
  console.log(`${toList(machine)}\n\n${toText(figures, checks)}\n`);
  keep("diagnostics.json", { machine, runs, checks, figures });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The build as it is, and with every `channel.hasSubscribers` made `false`. */
function copies() {
  const text = readFileSync(fileURLToPath(tidingsModule()), "utf8");
  const check = /[\w$.]+\.hasSubscribers\b/g;
  const checks = text.match(check)?.length ?? 0;
  if (checks === 0) {
    throw new Error("the build never checks for subscribers");
  }
  const write = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return pathToFileURL(path).href;
  };
  return {
    modules: { whole: write("whole.js", text), patched: write("patched.js", text.replace(check, "false")) },
    checks,
  };
}

function measureOnce(source, modules, { patched, listens }, what) {
  const module = patched ? modules.patched : modules.whole;
  return figureOf(SUBSCRIBER, source, SCENARIO, { module, listens, what }, PARTS[what]);
}

function toText(figures, checks) {
  const [first] = Object.values(figures);
  const rows = Object.entries(figures).map(([name, all]) => [
    name,
    spread(
      all.map(({ cpu }) => cpu),
      3,
    ),
    spread(
      all.map(({ cpu }, run) => cpu / first[run].cpu),
      2,
    ),
    spread(
      all.map(({ bytes }) => bytes),
      0,
    ),
  ]);
  const head = [
    "64 B, one channel, a handler, replayed",
    "CPU us per message",
    "ratio to the first line",
    "bytes per message",
  ];
  return `${toTable(head, rows)}

Medians of ${runs} runs, and what they lie between; the ratio is that of one and the same run. "Checks taken out" is the same
build with its ${checks} checks for subscribers answered beforehand. Bytes: asked of the heap, collected or not.`;
}
