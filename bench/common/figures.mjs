// What all reports need: medians, a Markdown table, and a small JSON file of the last figures.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The value below which this part of them lies; interpolated. @param {number[]} values @param {number} part 0 to 1 */
export function quantile(values, part) {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** @param {number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** "1.23 (1.20-1.31)": the median, and between what the runs lie. @param {number[]} values @param {number} digits */
export function spread(values, digits) {
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${low}-${high})`;
}

/**
 * A Markdown table; the first column is text, the others are figures.
 * @param {string[]} head
 * @param {(string | number)[][]} rows
 */
export function toTable(head, rows) {
  const cells = [head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  return cells.map((row) => `| ${row.map(pad).join(" | ")} |`).join("\n");
}

/** What it was measured on. @param {import("../machine.mjs").Machine} machine */
export function toList(machine) {
  return Object.entries(machine)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join("\n");
}

/** Writes results/<name>. @param {string} name @param {string | object} content text, or what becomes JSON */
export function keep(name, content) {
  const path = fileURLToPath(new URL(`../results/${name}`, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
}
