// Resident memory over time as a picture: plain SVG, one line for each consumer.

import { CEILING, LIMIT_BYTES, LINES, PUBLISHED, TAKEN } from "./lines.mjs";

const WIDTH = 920;
const HEIGHT = 460;
const PLOT = { left: 70, top: 64, right: 680, bottom: 404 };
const MIB = 1024 * 1024;
/** The scale is logarithmic: a bound of 8 MiB and a ceiling of 1 GiB are to be read in one picture. */
const LOWEST = 32 * MIB;
const TEXT = "#24292f";
const FAINT = "#d0d7de";
/** Lines of text that would lie on each other are moved apart by this much. */
const LABEL = 15;

/**
 * @param {Record<string, { samples: { at: number, rss: number }[], stopped: boolean }>} results
 * @param {number} seconds
 */
export function draw(results, seconds) {
  const x = (at) => PLOT.left + (Math.min(at, seconds) / seconds) * (PLOT.right - PLOT.left);
  const y = (rss) => {
    const part = Math.log2(Math.max(rss, LOWEST) / LOWEST) / Math.log2(CEILING / LOWEST);
    return PLOT.bottom - Math.min(part, 1.02) * (PLOT.bottom - PLOT.top);
  };
  const title = `A consumer that takes ${TAKEN} of ${PUBLISHED.toLocaleString("en-US")} messages a second`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, -apple-system, Segoe UI, DejaVu Sans, Arial, sans-serif" font-size="12" role="img">`,
    `<title>${title}: resident memory over time</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(PLOT.left, 26, title, 'font-size="16" font-weight="600"'),
    text(
      PLOT.left,
      46,
      `Resident memory (RSS) of its process, 1 KiB payloads; buffer: { limitBytes: ${LIMIT_BYTES / MIB} MiB }; the peers have no bound`,
    ),
    ...yAxis(y),
    ...xAxis(x, seconds),
  ];
  for (const [name, { samples }] of Object.entries(results)) {
    const points = samples.map(({ at, rss }) => `${x(at).toFixed(1)},${y(rss).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${LINES[name].color}" stroke-width="2"/>`);
  }
  parts.push(...labels(results, x, y), "</svg>");
  return `${parts.join("\n")}\n`;
}

function yAxis(y) {
  const parts = [];
  for (let value = LOWEST; value <= CEILING; value *= 2) {
    const shown = value < CEILING ? `${value / MIB} MiB` : `${value / MIB / 1024} GiB`;
    parts.push(
      line(PLOT.left, y(value), PLOT.right, y(value)),
      text(PLOT.left - 8, y(value) + 4, shown, 'text-anchor="end"'),
    );
  }
  return parts;
}

function xAxis(x, seconds) {
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300].find((size) => seconds / size <= 8) ?? 600;
  const parts = [text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 42, "seconds", 'text-anchor="middle"')];
  for (let at = 0; at <= seconds; at += step) {
    parts.push(
      line(x(at), PLOT.bottom, x(at), PLOT.bottom + 5),
      text(x(at), PLOT.bottom + 20, String(at), 'text-anchor="middle"'),
    );
  }
  return parts;
}

/** A name at the end of each line. */
function labels(results, x, y) {
  const wanted = Object.entries(results)
    .map(([name, { samples, stopped }]) => {
      const { at, rss } = samples.at(-1);
      return { name, at, stopped, rss, height: y(rss) };
    })
    .sort((one, other) => one.height - other.height);
  let above = Number.NEGATIVE_INFINITY;
  for (const label of wanted) {
    label.height = Math.max(label.height, above + LABEL);
    above = label.height;
  }
  // What was pushed below the axis moves up again, the lowest first.
  let below = PLOT.bottom + LABEL;
  for (const label of wanted.reverse()) {
    label.height = Math.min(label.height, below - LABEL);
    below = label.height;
  }
  return wanted.flatMap(({ name, at, stopped, rss, height }) => {
    const { color } = LINES[name];
    const shown = stopped ? `${name}: stopped at ${at.toFixed(0)} s` : `${name}: ${Math.round(rss / MIB)} MiB`;
    return [
      `<circle cx="${x(at).toFixed(1)}" cy="${y(rss).toFixed(1)}" r="3.5" fill="${color}"/>`,
      text(PLOT.right + 12, height + 4, shown, `style="fill:${color}" font-weight="600"`),
    ];
  });
}

function line(x1, y1, x2, y2) {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${FAINT}"/>`;
}

function text(x, y, content, attributes = "") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${TEXT}" ${attributes}>${content}</text>`;
}
