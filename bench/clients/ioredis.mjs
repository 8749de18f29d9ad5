import { Redis } from "ioredis";
import { inFlightPublisher } from "../in-flight.mjs";

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally, fail }) {
  const client = new Redis({ host: "127.0.0.1", port, protocol: scenario.protocol });
  client.on("error", fail);
  const binary = scenario.data === "bytes";
  if (scenario.pattern === null) {
    if (binary) {
      client.on("messageBuffer", (_channel, data) => tally.bytes(data));
    } else {
      client.on("message", (_channel, data) => tally.string(data));
    }
    await client.subscribe(...channels);
  } else {
    if (binary) {
      client.on("pmessageBuffer", (_pattern, _channel, data) => tally.bytes(data));
    } else {
      client.on("pmessage", (_pattern, _channel, data) => tally.string(data));
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
