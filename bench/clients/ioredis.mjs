import { Redis } from "ioredis";
import { inFlightPublisher } from "../in-flight.mjs";

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally, fail }) {
  const client = new Redis({ host: "127.0.0.1", port, protocol: scenario.protocol });
  client.on("error", fail);
  const binary = scenario.data === "bytes";
  const take = scenario.data === "json" ? (data) => tally.json(JSON.parse(data)) : (data) => tally.string(data);
  if (scenario.pattern === null) {
    const event = scenario.sharded ? "smessage" : "message";
    if (binary) {
      client.on(`${event}Buffer`, (_channel, data) => tally.bytes(data));
    } else {
      client.on(event, (_channel, data) => take(data));
    }
    await (scenario.sharded ? client.ssubscribe(...channels) : client.subscribe(...channels));
  } else {
    if (binary) {
      client.on("pmessageBuffer", (_pattern, _channel, data) => tally.bytes(data));
    } else {
      client.on("pmessage", (_pattern, _channel, data) => take(data));
    }
    await client.psubscribe(scenario.pattern);
  }
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  // Its documented way to publish fast.
  const client = new Redis({ host: "127.0.0.1", port, enableAutoPipelining: true });
  client.on("error", (error) => {
    throw error;
  });
  return inFlightPublisher((channel, payload) => client.publish(channel, payload));
}

/** So many names in one call: they are arguments of a function. */
const BATCH = 10_000;

/** @type {import("../clients.mjs").Client["many"]} */
export function many({ port, names, fail }) {
  const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true });
  client.on("error", fail);
  return {
    start: () => client.connect(),
    subscribe: async () => {
      const calls = [];
      for (let at = 0; at < names.length; at += BATCH) {
        calls.push(client.subscribe(...names.slice(at, at + BATCH)));
      }
      await Promise.all(calls);
    },
    restored: null,
  };
}
