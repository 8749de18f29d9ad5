// The fault matrix, run with tidings and its peers: `npm run matrix`, `-- --rows 1,2,30`, `-- --clients tidings,ioredis`,
// `-- --write docs/reliability.md` puts the table between its marks.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { keep } from "../../bench/common/figures.mjs";
import { describeMachine } from "../../bench/machine.mjs";
import { clusterRows, playClusterRow } from "./rows-cluster.ts";
import { playServerRow, serverRows } from "./rows-server.ts";

const CLIENTS = ["tidings", "ioredis", "node-redis"];
const MARKS = /(<!-- matrix -->\n)[\s\S]*?(<!-- \/matrix -->)/;

const { values } = parseArgs({
  options: { rows: { type: "string" }, clients: { type: "string" }, write: { type: "string" } },
});
const wanted = values.rows?.split(",").map(Number);
const clients = values.clients?.split(",") ?? CLIENTS;
const rows = [
  ...serverRows.map((row) => ({ ...row, run: (client) => playServerRow(row, client) })),
  ...clusterRows.map((row) => ({ ...row, run: (client) => playClusterRow(row, client) })),
].filter(({ row }) => wanted === undefined || wanted.includes(row));

const results = [];
for (const { row, fault, run } of rows) {
  const cells = {};
  for (const client of clients) {
    cells[client] = await played(run, client);
    console.error(`row ${row}, ${client}: ${cells[client]}`);
  }
  results.push({ row, fault, cells });
}

const table = [
  `| # | fault | ${clients.join(" | ")} |`,
  `| --: | --- | ${clients.map(() => "---").join(" | ")} |`,
  ...results.map(
    ({ row, fault, cells }) => `| ${row} | ${fault} | ${clients.map((name) => cells[name]).join(" | ")} |`,
  ),
].join("\n");
console.log(table);
keep("matrix.json", { machine: describeMachine({}), results });
if (values.write !== undefined) {
  const text = readFileSync(values.write, "utf8");
  writeFileSync(
    values.write,
    text.replace(MARKS, (_all, before, after) => `${before}${table}\n${after}`),
  );
}

async function played(run, client) {
  try {
    const { outcome, facts } = await run(client);
    return cell(outcome, facts);
  } catch (error) {
    return `could not be played: ${String(error).split("\n")[0]}`;
  }
}

/** What the table says of an outcome. */
function cell({ back, silent, lost, told, widest, misplaced, crashed, notes }, facts) {
  const parts = [];
  if (crashed) parts.push("**the process ends**");
  else if (back === null) parts.push(`**never back** (15 s${silent === 10 ? "" : `, ${silent} channels`})`);
  else parts.push(`back in ${Math.round(back)} ms`);
  parts.push(lost === 0 ? "nothing lost" : told === lost ? `${lost} lost, all told` : `${lost} lost, ${told} told`);
  if (widest !== null) parts.push(`a loss of ${widest.loss} ms in a window of ${widest.window} ms`);
  if (misplaced > 0) parts.push(`${misplaced} twice or late`);
  if (facts !== "") parts.push(facts);
  const [code] = notes.flatMap((text) => /NOPERM|WRONGPASS|NOAUTH|denied: .*/.exec(text) ?? []);
  if (code !== undefined) parts.push(code.startsWith("denied") ? code : `error ${code}`);
  return parts.join("; ");
}
