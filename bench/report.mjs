// The results as Markdown tables, and as a small JSON file.

import { keep, median, toList } from "./common/figures.mjs";
import { Figures, lineName } from "./figures.mjs";
import { SETS } from "./scenarios.mjs";
import { checkTargets } from "./targets.mjs";

/** @typedef {import("./figures.mjs").Result} Result */
/** @typedef {import("./figures.mjs").Line} Line */

/**
 * @param {import("./machine.mjs").Machine} machine
 * @param {Result[]} results
 * @param {Record<string, string>} missing clients that could not be had, and why
 */
export function toMarkdown(machine, results, missing) {
  const parts = [toList(machine), ...Object.entries(missing).map(([name, why]) => `${name} was skipped: ${why}.`)];
  for (const [set, { title, figures }] of Object.entries(SETS)) {
    const chosen = results.filter(({ scenario }) => scenario.set === set);
    if (chosen.length > 0) {
      parts.push(`## ${title}`, setTable(chosen, figures));
    }
  }
  parts.push(
    "Medians; the ratio and the spread (the lowest and the highest run) are those of the first figure, the ratio to the\n" +
      "first line of the scenario. CPU is user and system time of the client's own process.",
    "## Targets",
    targetTable(results),
  );
  return `${parts.join("\n\n")}\n`;
}

/**
 * Writes results/latest.json.
 * @param {import("./machine.mjs").Machine} machine
 * @param {Result[]} results
 * @param {{ quick: boolean, runs: number, missing: Record<string, string> }} options
 */
export function writeJson(machine, results, options) {
  const scenarios = results.map(({ scenario, lines }) => ({
    name: scenario.name,
    set: scenario.set,
    lines: lines.map((line) => toRecord(line, SETS[scenario.set].figures)),
  }));
  const targets = checkTargets(new Figures(results)).map(({ what, target, checked }) => ({ what, target, ...checked }));
  keep("latest.json", { machine, ...options, targets, scenarios });
}

function targetTable(results) {
  const checked = checkTargets(new Figures(results)).filter(({ checked }) => checked !== null);
  const rows = checked.map(({ what, target, checked: { ours, beside, ratio, met } }) => [
    what,
    ours,
    beside,
    ratio,
    target,
    met ? "met" : "NOT MET",
  ]);
  const unmet = checked.filter(({ checked: { met } }) => !met).length;
  const sum = `${checked.length - unmet} of ${checked.length} targets met.`;
  return `${toTable(["what", "tidings", "beside", "ratio", "target", ""], rows, [0, 2, 4, 5])}\n\n${sum}`;
}

function setTable(results, figures) {
  const head = ["scenario", "client", ...figures.map((figure) => figure.head), "ratio", "spread"];
  const rows = results.flatMap(({ scenario, lines }) => lines.map((line) => toRow(scenario, line, lines[0], figures)));
  return toTable(head, rows, [0, 1]);
}

function toRow(scenario, line, first, figures) {
  const { entry, runs, failed } = line;
  const [{ key, digits }] = figures;
  if (runs.length === 0) {
    return [scenario.name, lineName(entry), failed === null ? "-" : "failed", ...figures.map(() => "-"), "-"];
  }
  const values = figures.map((figure) => shown(medianOf(line, figure.key), figure.digits));
  const ratio = first.runs.length === 0 ? "-" : `${(medianOf(line, key) / medianOf(first, key)).toFixed(2)}x`;
  const all = runs.map((run) => run[key]);
  return [
    scenario.name,
    lineName(entry),
    ...values,
    ratio,
    `${shown(Math.min(...all), digits)}-${shown(Math.max(...all), digits)}`,
  ];
}

function medianOf({ runs }, key) {
  return median(runs.map((run) => run[key]));
}

function shown(value, digits) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function toRecord({ entry, runs, failed }, figures) {
  const keys = figures.map(({ key }) => key);
  return {
    ...entry,
    medians: Object.fromEntries(
      runs.length === 0 ? [] : keys.map((key) => [key, rounded(median(runs.map((run) => run[key])))]),
    ),
    runs: Object.fromEntries(keys.map((key) => [key, runs.map((run) => rounded(run[key])).join(" ")])),
    failed,
  };
}

function rounded(value) {
  return Number(value.toPrecision(5));
}

function toTable(head, rows, texts) {
  const dashes = head.map((_, column) => (texts.includes(column) ? "---" : "--:"));
  const cells = [head, dashes, ...rows];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const pad = (cell, column) => (texts.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  return cells.map((row) => `| ${row.map(pad).join(" | ")} |`).join("\n");
}
