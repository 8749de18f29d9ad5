// A sharded subscriber in a process of its own: says when it is ready, and what it received at what cost.

import { tidingsModule } from "../build.mjs";
import { config, fail, tell } from "../parent.mjs";

const { client, ports, channels, warmUp, messages, each } = config;

let received = 0;
let bytes = 0;
let before = process.cpuUsage();

function take(channel, data) {
  if (each) tell({ type: "message", channel, data });
  bytes += data.length;
  received++;
  if (received === warmUp) before = process.cpuUsage();
  if (received === warmUp + messages) {
    const { user, system } = process.cpuUsage(before);
    tell({ type: "done", cost: (user + system) / messages, bytes });
  }
}

/** Each client as its own documents set it up for sharded Pub/Sub. */
const clients = {
  async tidings() {
    const { RedisCluster } = await import(tidingsModule());
    const cluster = new RedisCluster({ seeds: ports.map((port) => ({ host: "127.0.0.1", port })) });
    const handler = (message) => take(message.channel, message.data);
    await cluster.shardedPubsub({
      channelHandlers: channels.map((name) => [name, handler]),
      ignoreSubscribeMessages: true,
    });
  },
  async ioredis() {
    const { Cluster } = await import("ioredis");
    const cluster = new Cluster(
      ports.map((port) => ({ host: "127.0.0.1", port })),
      { shardedSubscribers: true },
    );
    cluster.on("error", () => {});
    cluster.on("smessage", take);
    await new Promise((resolve) => cluster.once("ready", resolve));
    await Promise.all(channels.map((channel) => cluster.ssubscribe(channel)));
  },
  async "node-redis"() {
    const { createCluster } = await import("redis");
    const cluster = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })), RESP: 3 });
    cluster.on("error", () => {});
    await cluster.connect();
    await Promise.all(channels.map((channel) => cluster.sSubscribe(channel, (data) => take(channel, data))));
  },
};

// What a peer leaves unhandled while its nodes die is no reason to end.
process.removeAllListeners("uncaughtException");
process.on("uncaughtException", () => {});
process.on("unhandledRejection", () => {});
try {
  await clients[client]();
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
