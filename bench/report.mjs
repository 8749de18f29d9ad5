// The results as Markdown tables, and as a small JSON file.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { SETS } from "./scenarios.mjs";

const LATEST = fileURLToPath(new URL("results/latest.json", import.meta.url));

/**
 * @typedef {object} Line
 * @property {import("./scenarios.mjs").Entry} entry
 * @property {import("./meter.mjs").Figures[]} runs
 * @property {string | null} failed why there are no figures, or fewer
 */

/**
 * @typedef {object} Result
 * @property {import("./scenarios.mjs").Scenario} scenario
 * @property {Line[]} lines
 */

/**
 * @param {import("./machine.mjs").Machine} machine
 * @param {Result[]} results
 */
export function toMarkdown(machine, results) {
  const parts = [
    Object.entries(machine)
      .map(([name, value]) => `- ${name}: ${value}`)
      .join("\n"),
  ];
  for (const [set, title] of Object.entries(SETS)) {
    const chosen = results.filter(({ scenario }) => scenario.set === set);
    if (chosen.length > 0) {
      parts.push(`## ${title}`, toTable(chosen));
    }
  }
  parts.push(
    "Medians. CPU is user and system time of the client's own process; its ratio, and that of the rate, is to the first" +
      "\nline of the scenario (CPU above 1 is dearer, a rate below 1 is slower). Spread: the lowest and highest CPU.",
  );
  return `${parts.join("\n\n")}\n`;
}

/**
 * Writes results/latest.json.
 * @param {import("./machine.mjs").Machine} machine
 * @param {Result[]} results
 * @param {{ quick: boolean, runs: number }} options
 */
export function writeJson(machine, results, { quick, runs }) {
  const scenarios = results.map(({ scenario, lines }) => ({
    name: scenario.name,
    set: scenario.set,
    lines: lines.map(toRecord),
  }));
  mkdirSync(dirname(LATEST), { recursive: true });
  writeFileSync(LATEST, `${JSON.stringify({ machine, quick, runs, scenarios }, null, 2)}\n`);
}

function toTable(results) {
  const rows = [
    ["scenario", "client", "CPU us/message", "messages/s", "CPU ratio", "rate ratio", "spread", "MiB"],
    ["---", "---", "--:", "--:", "--:", "--:", "--:", "--:"],
    ...results.flatMap(({ scenario, lines }) => lines.map((line) => toRow(scenario, line, lines[0]))),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => `| ${row.map((cell, column) => pad(cell, widths[column], column)).join(" | ")} |`)
    .join("\n");
}

function toRow(scenario, line, first) {
  const { client, how } = line.entry;
  const name = how === "for await" || how === "batches" ? `${client}, ${how}` : client;
  if (line.runs.length === 0) {
    return [scenario.name, name, line.failed === null ? "-" : "failed", "-", "-", "-", "-", "-"];
  }
  const { cpu, rate, memory } = medians(line);
  const base = medians(first);
  const spread = line.runs.map((run) => run.cpu);
  return [
    scenario.name,
    name,
    cpu.toFixed(3),
    Math.round(rate).toLocaleString("en-US"),
    base.cpu === null ? "-" : `${(cpu / base.cpu).toFixed(2)}x`,
    base.rate === null ? "-" : `${(rate / base.rate).toFixed(2)}x`,
    `${Math.min(...spread).toFixed(2)}-${Math.max(...spread).toFixed(2)}`,
    String(Math.round(memory)),
  ];
}

function medians({ runs }) {
  return {
    cpu: median(runs.map(({ cpu }) => cpu)),
    rate: median(runs.map(({ rate }) => rate)),
    memory: median(runs.map(({ memory }) => memory)),
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) {
    return null;
  }
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function toRecord(line) {
  const { cpu, rate, memory } = medians(line);
  return {
    ...line.entry,
    cpuMicroseconds: rounded(cpu, 4),
    messagesPerSecond: rounded(rate, 0),
    memoryMiB: rounded(memory, 0),
    cpuOfRuns: line.runs.map((run) => rounded(run.cpu, 4)).join(" "),
    failed: line.failed,
  };
}

function rounded(value, digits) {
  return value === null ? null : Number(value.toFixed(digits));
}

function pad(cell, width, column) {
  return column < 2 ? cell.padEnd(width) : cell.padStart(width);
}
