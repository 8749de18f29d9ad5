// A subscriber in a process of its own, as the documents of its client set it up; tells all that it is told.

import { createRequire } from "node:module";
import { tidingsModule } from "../../bench/build.mjs";

/** The peers are packages of the benchmarks. */
const requirePeer = createRequire(new URL("../../bench/package.json", import.meta.url));

const { client, ports, channels, sharded, alert, password } = JSON.parse(process.argv[2]);
process.on("disconnect", () => process.exit());
process.on("message", ({ block, throws, mended }) => {
  if (throws) thrower = true;
  if (mended) onMended();
  const end = performance.now() + (block ?? 0);
  while (performance.now() < end);
});

let thrower = false;
/** What a user does once the cause of a failure is mended. */
let onMended = () => {};
const note = (text) => process.send({ type: "note", text: String(text).slice(0, 120) });
const failed = (what) => (error) => note(`${what}: ${error?.message ?? error}`);
process.on("unhandledRejection", failed("unhandled rejection"));

function take(channel, data) {
  process.send({ type: "message", channel, data });
  if (!thrower) return;
  thrower = false;
  throw new Error("a handler that fails");
}

const [port] = ports;
const nodes = ports.map((each) => ({ host: "127.0.0.1", port: each }));
const silence = alert ? { maxIdle: 1000, pingTimeout: 1000 } : {};

const clients = {
  async tidings() {
    const { Redis, RedisCluster } = await import(tidingsModule());
    const redis = sharded ? new RedisCluster({ seeds: nodes }) : new Redis({ host: "127.0.0.1", port, password });
    redis.on("error", failed("error"));
    const open = (options) => (sharded ? redis.shardedPubsub(options) : redis.pubsub(options));
    const consumer = await open({
      ...silence,
      channelHandlers: channels.map((name) => [name, ({ channel, data }) => take(channel, data)]),
    });
    consumer.on("gap", ({ channels: names, from, to }) => process.send({ type: "gap", channels: names, from, to }));
    consumer.on("error", failed("error"));
    onMended = () => consumer.state === "failed" && consumer.retry().catch(failed("retry"));
    consumer.on("denied", (error) => note(`denied: ${error.names.join()}`));
  },
  async ioredis() {
    const { Redis, Cluster } = requirePeer("ioredis");
    const redis = sharded
      ? new Cluster(nodes, { shardedSubscribers: true })
      : new Redis({ host: "127.0.0.1", port, password, ...(alert ? { socketTimeout: 2000 } : {}) });
    redis.on("error", failed("error"));
    redis.on(sharded ? "smessage" : "message", take);
    await new Promise((resolve) => redis.once("ready", resolve));
    if (sharded) await Promise.all(channels.map((channel) => redis.ssubscribe(channel)));
    else await redis.subscribe(...channels);
  },
  async "node-redis"() {
    const { createClient, createCluster } = requirePeer("redis");
    const options = alert ? { pingInterval: 1000, socket: { socketTimeout: 2000 } } : {};
    const redis = sharded
      ? createCluster({ rootNodes: ports.map((each) => ({ url: `redis://127.0.0.1:${each}` })), RESP: 3 })
      : createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3, ...options, ...(password ? { password } : {}) });
    redis.on("error", failed("error"));
    await redis.connect();
    const listener = (data, channel) => take(String(channel), data);
    if (sharded) await Promise.all(channels.map((channel) => redis.sSubscribe(channel, listener)));
    else await redis.subscribe(channels, listener);
  },
};

await clients[client]();
process.send({ type: "ready" });
