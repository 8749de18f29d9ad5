import { tidingsModule } from "../build.mjs";
import { inFlightPublisher } from "../in-flight.mjs";
import { sharesOf } from "../traffic.mjs";

const { Redis, RedisCluster, bytes, json } = await import(tidingsModule());

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, how, tally, fail }) {
  const Client = scenario.sharded ? RedisCluster : Redis;
  const client = new Client(`redis://127.0.0.1:${port}`, { protocol: scenario.protocol });
  client.on("error", fail);
  const open = (options) => (scenario.sharded ? client.shardedPubsub(options) : client.pubsub(options));
  const { handler, ...codec } = {
    string: { handler: (message) => tally.string(message.data) },
    bytes: { handler: (message) => tally.bytes(message.data), codec: bytes },
    json: { handler: (message) => tally.json(message.data), codec: json() },
  }[scenario.data];
  const options = { ignoreSubscribeMessages: true, ...codec };
  if (how === "shared") {
    const own = (names) => new Map(names.map((name) => [name, (message) => handler(message)]));
    const shares = sharesOf(scenario).map(own);
    await Promise.all(shares.map((channelHandlers) => open({ ...options, shared: true, channelHandlers })));
    return;
  }
  const names = scenario.pattern === null ? channels : [scenario.pattern];
  const patterns = scenario.pattern !== null;

  if (how === "handler") {
    const handlers = new Map(names.map((name) => [name, handler]));
    await open({ ...options, ...(patterns ? { patternHandlers: handlers } : { channelHandlers: handlers }) });
    return;
  }
  const consumer = await open({ ...options, ...(patterns ? { patterns: names } : { channels: names }) });
  const reading = how === "for await" ? readEach(consumer, handler) : readBatches(consumer, handler);
  reading.catch(fail);
}

async function readEach(consumer, handler) {
  for await (const message of consumer.messages()) {
    handler(message);
  }
}

async function readBatches(consumer, handler) {
  for await (const batch of consumer.batches()) {
    for (const message of batch) {
      handler(message);
    }
  }
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  const client = new Redis(`redis://127.0.0.1:${port}`);
  await client.connect();
  return inFlightPublisher((channel, payload) => client.publish(channel, payload));
}

/** @type {import("../clients.mjs").Client["many"]} */
export function many({ port, names, fail }) {
  const client = new Redis(`redis://127.0.0.1:${port}`);
  client.on("error", fail);
  let consumer;
  return {
    start: async () => {
      consumer = await client.pubsub({ ignoreSubscribeMessages: true });
    },
    subscribe: () => consumer.subscribe(names),
    restored: () =>
      new Promise((resolve) => {
        consumer.on("state", (state) => {
          if (state === "live") {
            resolve();
          }
        });
      }),
  };
}
