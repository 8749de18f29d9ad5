// Makes many shared consumers: how long that takes, and what each keeps of the heap. A process of its own.

import { tidingsModule } from "../build.mjs";
import { heapUsed } from "../common/heap.mjs";
import { config, fail, on, tell } from "../parent.mjs";

const { Redis, RedisCluster } = await import(tidingsModule());

/** @type {{ kind: "own" | "handled" | "one" | "shard", ports: number[], count: number }} */
const { kind, ports, count } = config;
const WARM_UP = 300;

// Made before anything is measured: names and handler are the user's.
const names = Array.from({ length: Math.max(count, WARM_UP) }, (_, index) => `room:${index}`);
const handler = () => {};

const options = {
  own: (index) => ({ channels: names[index] }),
  handled: (index) => ({ channelHandlers: [[names[index], handler]] }),
  one: () => ({ channelHandlers: [["news", handler]] }),
  shard: (index) => ({ channels: names[index] }),
}[kind];

const sharded = kind === "shard";
const client = sharded
  ? new RedisCluster({ seeds: ports.map((port) => ({ host: "127.0.0.1", port })) })
  : new Redis(`redis://127.0.0.1:${ports[0]}`);

function open(index) {
  const given = { shared: true, ignoreSubscribeMessages: true, subscriptionTimeout: 30_000, ...options(index) };
  return sharded ? client.shardedPubsub(given) : client.pubsub(given);
}

const openAll = (number) => Promise.all(Array.from({ length: number }, (_, index) => open(index)));
const closeAll = (consumers) => Promise.all(consumers.map((consumer) => consumer.close()));

async function timed(work) {
  const used = process.cpuUsage();
  const since = performance.now();
  const result = await work();
  const time = performance.now() - since;
  const { user, system } = process.cpuUsage(used);
  return { result, time, cpu: (user + system) / 1000 };
}

let consumers = [];

on("make", async () => {
  try {
    // One stays, so that connections and what a client keeps anyway are on both sides of the difference.
    const first = await open(0);
    await closeAll(await openAll(WARM_UP));
    const before = await heapUsed();
    const made = await timed(() => openAll(count));
    consumers = [...made.result, first];
    made.result = null;
    const bytes = ((await heapUsed()) - before) / count;
    tell({ type: "made", figures: { time: made.time, cpu: made.cpu, bytes } });
  } catch (error) {
    fail(error);
  }
});

on("close", async () => {
  try {
    const { time, cpu } = await timed(() => closeAll(consumers));
    tell({ type: "closed", figures: { time, cpu } });
  } catch (error) {
    fail(error);
  }
});

tell({ type: "ready" });
