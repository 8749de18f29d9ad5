// The one kind of chart in the documents: plain SVG, a bar for each value, in groups; it brings its own ground for light and dark.

const WIDTH = 820;
const LEFT = 196;
const RIGHT = 660;
const TOP = 72;
/** The line above the bars of a group. */
const HEAD = 30;
const ROW = 34;
const BAR = 20;

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

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value
 * @property {string} text behind the bar
 * @property {boolean} ours
 */

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {{ title: string, longest: number, bars: Bar[] }[]} chart.groups a bar that is longer than `longest` is broken, and
 *   its text tells
 * @param {string} chart.footer
 */
export function drawBars({ title, groups, footer }) {
  const parts = [];
  let y = TOP;
  for (const { title: head, longest, bars } of groups) {
    parts.push(text(24, y, head, "", "faint"));
    bars.forEach((one, index) => {
      parts.push(...bar(y + HEAD / 2 + index * ROW, one, longest));
    });
    y += bars.length * ROW + HEAD + 14;
  }
  const height = y + 10;
  const head = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, -apple-system, Segoe UI, DejaVu Sans, Arial, sans-serif" font-size="14" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(24, 34, title, 'font-size="17" font-weight="600"'),
  ];
  parts.push(text(24, height - 16, footer, 'font-size="12"', "faint"), "</svg>");
  return `${[...head, ...parts].join("\n")}\n`;
}

function bar(y, { label, value, text: behind, ours }, longest) {
  const width = Math.max(2, (Math.min(value, longest) / longest) * (RIGHT - LEFT));
  const end = LEFT + width;
  const weight = ours ? 'font-weight="700"' : "";
  const parts = [
    text(LEFT - 10, y + 15, label, `text-anchor="end" ${weight}`),
    `<rect class="${ours ? "ours" : "other"}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
    text(end + 8, y + 15, behind, weight),
  ];
  if (value > longest) {
    const path = `M${(end - 30).toFixed(1)} ${y + BAR + 3} l8 -${BAR + 6}`;
    parts.push(`<path class="gap" d="${path}" fill="none" stroke-width="5"/>`);
  }
  return parts;
}

function text(x, y, content, attributes = "", style = "text") {
  return `<text class="${style}" x="${x.toFixed(1)}" y="${y}" ${attributes}>${content}</text>`;
}
