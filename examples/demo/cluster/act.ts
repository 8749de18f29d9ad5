import { setTimeout as delay } from "node:timers/promises";
import { RedisCluster } from "tidings";
import { startCluster, type TestCluster } from "../../../test/support/redis-cluster.ts";
import { count, say, show, title } from "../print.ts";
import type { Protocol } from "../stage.ts";
import { within } from "../wait.ts";
import { aNodeComes, aPrimaryDies, aSlotMoves } from "./events.ts";
import { Pair, type Roles } from "./pair.ts";
import { findProgram } from "./program.ts";
import { subscriptionsHold, summarizeCluster } from "./summary.ts";

const ORDERS: Roles = {
  publisher: "Alice",
  reader: "Carol",
  channels: ["eu", "us", "asia", "africa", "latam", "oceania"].map((region) => `orders:${region}`),
};
const METRICS: Roles = {
  publisher: "Bob",
  reader: "Dave",
  channels: ["cpu", "disk", "memory", "network", "queue", "latency"].map((what) => `metrics:${what}`),
};

/** Milliseconds between two lines of progress, and for the last messages to arrive. */
const PROGRESS = 2000;
const PATIENCE = 15_000;
/** Milliseconds after which silent nodes are held for dead. Less would be risky on a busy machine. */
const NODE_TIMEOUT = 2000;

/** The second act: a cluster. Gives whether the sums hold, or `null` if there is no server to make one of. */
export async function clusterOfSix(protocol: Protocol): Promise<boolean | null> {
  title("4. A cluster, shard channels, and publishers that never stop");
  const program = findProgram();
  if (typeof program === "string") {
    say(`Skipped, for want of a server: ${program}`);
    return null;
  }
  say("Starting six nodes");
  await using cluster = await startCluster({ nodeTimeout: NODE_TIMEOUT });
  const nodes = cluster.nodes.map(({ port }) => port).join(", ");
  say(`The cluster: ${program.about}, RESP${protocol}, 3 primaries and 3 replicas, ports ${nodes}`);

  const seeds = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  // A publish whose slot no node serves waits; a failover takes a few seconds.
  const connect = (): RedisCluster => new RedisCluster({ seeds, protocol, commandTimeout: 30_000 });
  await using orders = await Pair.open(ORDERS, connect);
  await using metrics = await Pair.open(METRICS, connect);
  const pairs = [orders, metrics];
  for (const { roles } of pairs) {
    say(
      `${roles.publisher} publishes (SPUBLISH), 1,000 messages a second to each channel; ${roles.reader} subscribes (SSUBSCRIBE)`,
    );
    show(roles.channels.join(", "));
  }
  await publishing(pairs, () => events(cluster, pairs));

  const complete = await subscriptionsHold(cluster, pairs);
  title("What became of every message in the cluster");
  return summarizeCluster(pairs) && complete;
}

async function events(cluster: TestCluster, pairs: readonly Pair[]): Promise<void> {
  await delay(2000);
  for (const event of [aSlotMoves, aPrimaryDies, aNodeComes]) {
    await event(cluster, pairs);
    await delay(2000);
  }
}

/** Publishes while something else happens, and until the last message has come. */
async function publishing(pairs: readonly Pair[], meanwhile: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const all = Promise.all(pairs.map((pair) => pair.publish(stop.signal)));
  all.catch(() => {}); // awaited below, where a failure is told
  const progress = setInterval(() => {
    const sum = (value: (pair: Pair) => number): string => count(pairs.map(value).reduce((a, b) => a + b));
    say(`${sum((pair) => pair.published)} published, ${sum((pair) => pair.received)} received`);
  }, PROGRESS);
  try {
    await meanwhile();
  } finally {
    clearInterval(progress);
    stop.abort();
    await all;
  }
  say("Alice and Bob have stopped; waiting for their last messages");
  await within(PATIENCE, () => pairs.every((pair) => pair.caughtUp)); // if they never come, the sums will tell
}
