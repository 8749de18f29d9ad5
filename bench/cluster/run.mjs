// npm run bench:cluster [-- --quick | --runs <n>]: a sharded subscriber in a real cluster, beside ioredis and node-redis.

import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.mjs";
import { note, prepareBuild, preparePeers } from "../prepare.mjs";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, runs: { type: "string" } } });
const runs = Number(values.runs ?? (values.quick ? 3 : 20));
const costRuns = values.quick ? 3 : 5;
const CLIENTS = ["tidings", "node-redis", "ioredis"];
const sizes = { tidings: 400_000, "node-redis": 200_000, ioredis: 100_000 };

const peers = preparePeers();
const missing = prepareBuild(true);
if (missing !== null) throw new Error(missing);
const { startCluster } = await import("./nodes.mjs");
const { costOf } = await import("./cost.mjs");
const { LIMIT, primaryDies, slotMoves } = await import("./recovery.mjs");

const machine = describeMachine(peers);
const cluster = await startCluster();
const results = { machine, cost: {}, slot: {}, kill: {} };
try {
  for (const nodes of [1, 2, 3]) {
    const costs = Object.fromEntries(CLIENTS.map((client) => [client, []]));
    for (let run = 0; run < costRuns; run++) {
      for (const client of CLIENTS) {
        note(`${client}, ${nodes} node(s), run ${run + 1} of ${costRuns}`);
        const messages = sizes[client] / (values.quick ? 4 : 1);
        costs[client].push(await costOf(cluster, { client, nodes, messages, warmUp: 20_000 }));
      }
    }
    results.cost[nodes] = Object.fromEntries(CLIENTS.map((client) => [client, median(costs[client])]));
  }
  for (const client of CLIENTS) {
    note(`${client}: a slot moves ${runs} times`);
    results.slot[client] = summary(await slotMoves(cluster, { client, runs }));
  }
  for (const client of CLIENTS) {
    note(`${client}: a primary is killed ${runs} times`);
    results.kill[client] = summary(await primaryDies(cluster, { client, runs }));
  }
} finally {
  cluster.stop();
}

console.log(
  Object.entries(machine)
    .map(([name, value]) => `${name}: ${value}`)
    .join("; "),
);
console.log(`\nCPU us per message, sharded, 64 B, medians of ${costRuns} interleaved runs\n`);
console.table(results.cost);
console.log(`\nms from the target's SETSLOT to the first message, ${runs} runs (limit ${LIMIT})\n`);
console.table(results.slot);
console.log(`\nms from kill -9 of a primary to the last of its 300 channels, ${runs} runs (limit ${LIMIT})\n`);
console.table(results.kill);
const folder = new URL("../results/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("cluster.json", folder), JSON.stringify(results, null, 2));
process.exit();

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return Number((sorted[Math.floor(sorted.length / 2)] ?? Number.NaN).toFixed(3));
}

function summary(times) {
  const known = times.filter((time) => time !== null);
  const worst = known.length > 0 ? Number(Math.max(...known).toFixed(0)) : null;
  return { median: median(known), worst, "not within the limit": times.length - known.length };
}
