// npm run bench:cluster [-- --quick | --runs <n>]: a sharded subscriber in a real cluster, beside ioredis and node-redis.

import { startCluster } from "../../test/support/redis-cluster.ts";
import { begin } from "../begin.mjs";
import { keep, median as middle } from "../common/figures.mjs";
import { describeMachine } from "../machine.mjs";
import { note } from "../prepare.mjs";
import { costOf } from "./cost.mjs";
import { LIMIT, primaryDies, slotMoves } from "./recovery.mjs";

const { runs, quick, versions } = begin({ runs: [20, 3], peers: true });
const costRuns = quick ? 3 : 5;
const CLIENTS = ["tidings", "node-redis", "ioredis"];
const sizes = { tidings: 400_000, "node-redis": 200_000, ioredis: 100_000 };

const machine = describeMachine(versions);
const cluster = await startCluster();
const results = { machine, cost: {}, slot: {}, kill: {} };
try {
  for (const nodes of [1, 2, 3]) {
    const costs = Object.fromEntries(CLIENTS.map((client) => [client, []]));
    for (let run = 0; run < costRuns; run++) {
      for (const client of CLIENTS) {
        note(`${client}, ${nodes} node(s), run ${run + 1} of ${costRuns}`);
        const messages = sizes[client] / (quick ? 4 : 1);
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
  await cluster.stop();
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
keep("cluster.json", results);

function median(numbers) {
  return numbers.length === 0 ? null : Number(middle(numbers).toFixed(3));
}

function summary(times) {
  const known = times.filter((time) => time !== null);
  const worst = known.length > 0 ? Number(Math.max(...known).toFixed(0)) : null;
  return { median: median(known), worst, "not within the limit": times.length - known.length };
}
