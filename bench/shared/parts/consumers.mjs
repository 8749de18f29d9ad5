// 10,000 shared consumers: the time to make and to close them, what each keeps of the heap, and their connections.

import { startCluster } from "../../../test/support/redis-cluster.ts";
import { Child } from "../../child.mjs";
import { median, spread, toTable } from "../../common/figures.mjs";
import { note } from "../../prepare.mjs";

export const title = "Many shared consumers at once";

const SECONDS = 120;
const CHILD = new URL("../consumers.mjs", import.meta.url).href;

const KINDS = {
  own: "a channel each, to be read",
  handled: "a channel each, with a handler",
  one: "all on one channel, with handlers",
  shard: "a shard channel each, three nodes",
};

export async function measureAll({ server, runs, quick }) {
  const count = quick ? 2000 : 10_000;
  const cluster = await startCluster();
  const results = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, []]));
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const kind of Object.keys(KINDS)) {
        note(`${count} consumers, ${KINDS[kind]}, run ${run + 1} of ${runs}`);
        const nodes = kind === "shard" ? cluster.nodes : [server];
        results[kind].push(await measureOnce({ kind, ports: nodes.map(({ port }) => port), count }, nodes));
      }
    }
  } finally {
    await cluster.stop();
  }
  return { count, kinds: results };
}

async function measureOnce(config, nodes) {
  const child = new Child(CHILD, config, SECONDS);
  try {
    await child.next("ready");
    child.send({ type: "make" });
    const { figures: made } = await child.next("made");
    const counts = await Promise.all(nodes.map(connectionsOf));
    child.send({ type: "close" });
    const { figures: closed } = await child.next("closed");
    return { ...made, closeTime: closed.time, closeCpu: closed.cpu, connections: counts.filter((count) => count > 0) };
  } finally {
    await child.stop();
  }
}

/** How many connections of a server have subscriptions. */
async function connectionsOf({ control }) {
  const list = await control.command("CLIENT", "LIST");
  return list.split("\n").filter((line) => /\b(sub|psub|ssub)=[1-9]/.test(line)).length;
}

export function toText({ count, kinds }) {
  const rows = Object.entries(kinds).map(([kind, runs]) => [
    KINDS[kind],
    median(runs.map(({ time }) => time)).toFixed(0),
    median(runs.map(({ cpu }) => cpu)).toFixed(0),
    spread(
      runs.map(({ bytes }) => bytes),
      0,
    ),
    median(runs.map(({ closeTime }) => closeTime)).toFixed(0),
    [...new Set(runs.map(({ connections }) => connections.join("+")))].join(" or "),
  ]);
  const head = [`${count} shared consumers`, "ms to make", "CPU ms", "heap bytes each", "ms to close", "connections"];
  return `${toTable(head, rows)}\n\nMedians. Heap after a full collection; names and handlers are the user's and do not count. Connections that have\nsubscriptions, by CLIENT LIST, of each node that has any.`;
}
