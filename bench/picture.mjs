// CPU per message of each client as a chart: plain SVG, a bar for each, real traffic first; it brings its own ground for light and dark.

import { MAIN, SMALL } from "./scenarios.mjs";

const WIDTH = 820;
const LEFT = 196;
const RIGHT = 660;
const TOP = 72;
/** The line above the bars of a scenario. */
const HEAD = 30;
const ROW = 34;
const BAR = 20;
/** Bars are drawn to scale up to so many times ours; a longer one is broken, and its figure tells. */
const LONGEST = 18;

const STYLE = `
  .ground { fill: #ffffff; stroke: #d0d7de }
  .text { fill: #1f2328 }
  .faint { fill: #59636e }
  .ours { fill: #0b7a57 }
  .other { fill: #9aa4af }
  .gap { stroke: #ffffff }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    .text { fill: #f0f6fc }
    .faint { fill: #9198a1 }
    .ours { fill: #2fb98c }
    .other { fill: #656f7b }
    .gap { stroke: #0d1117 }
  }`;

const LABELS = { raw: "a socket that counts", hiredis: "hiredis, in C" };

const SHOWN = [
  [MAIN, "Real traffic: JSON of 80 to 1,500 bytes, a quarter beyond ASCII; 5,000 channels by Zipf's law"],
  [SMALL, "64 bytes of ASCII, one channel"],
];

/**
 * @param {import("./figures.mjs").Figures} figures
 * @param {import("./machine.mjs").Machine} machine
 */
export function draw(figures, machine) {
  const parts = [];
  let y = TOP;
  for (const [scenario, title] of SHOWN) {
    const bars = figures.ranked(scenario, "cpu", { kinds: ["ours", "node", "other", "limit"] });
    const ours = bars.find(({ name }) => name === "tidings")?.value ?? null;
    const longest = Math.min(bars.at(-1)?.value ?? 1, (ours ?? Number.POSITIVE_INFINITY) * LONGEST);
    parts.push(text(24, y, title, "", "faint"));
    bars.forEach(({ name, value }, index) => {
      parts.push(...bar(y + HEAD / 2 + index * ROW, { name, value, ours, longest, version: machine[name] }));
    });
    y += bars.length * ROW + HEAD + 14;
  }
  const height = y + 10;
  const head = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, -apple-system, Segoe UI, DejaVu Sans, Arial, sans-serif" font-size="14" role="img">`,
    "<title>CPU per received message, in microseconds</title>",
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(24, 34, "CPU per received message, in microseconds (less is better)", 'font-size="17" font-weight="600"'),
  ];
  const footer = [machine.CPU, `Node ${machine.Node}`].join("; ");
  parts.push(text(24, height - 16, `${footer}. npm run bench`, 'font-size="12"', "faint"), "</svg>");
  return `${[...head, ...parts].join("\n")}\n`;
}

function bar(y, { name, value, ours, longest, version }) {
  const broken = value > longest;
  const width = Math.max(2, (Math.min(value, longest) / longest) * (RIGHT - LEFT));
  const end = LEFT + width;
  const ratio = ours === null || name === "tidings" ? "" : ` (${times(value / ours)})`;
  const weight = name === "tidings" ? 'font-weight="700"' : "";
  const label = LABELS[name] ?? [name, version].filter(Boolean).join(" ");
  const parts = [
    text(LEFT - 10, y + 15, label, `text-anchor="end" ${weight}`),
    `<rect class="${name === "tidings" ? "ours" : "other"}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
    text(end + 8, y + 15, `${value.toFixed(2)}${ratio}`, weight),
  ];
  if (broken) {
    const x = end - 30;
    const path = `M${x.toFixed(1)} ${y + BAR + 3} l8 -${BAR + 6}`;
    parts.push(`<path class="gap" d="${path}" fill="none" stroke-width="5"/>`);
  }
  return parts;
}

function times(ratio) {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}x`;
}

function text(x, y, content, attributes = "", style = "text") {
  return `<text class="${style}" x="${x.toFixed(1)}" y="${y}" ${attributes}>${content}</text>`;
}
