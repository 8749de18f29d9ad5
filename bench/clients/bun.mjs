// Bun's own client; these processes are run by Bun.

import { RedisClient } from "bun";
import { inFlightPublisher } from "../in-flight.mjs";

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally, fail }) {
  const client = await open(port, fail);
  const parsed = scenario.data === "json";
  await client.subscribe(channels, parsed ? (data) => tally.json(JSON.parse(data)) : (data) => tally.string(data));
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  const client = await open(port, (error) => {
    throw error;
  });
  return inFlightPublisher((channel, payload) => client.publish(channel, payload));
}

async function open(port, fail) {
  const client = new RedisClient(`redis://127.0.0.1:${port}`);
  client.onclose = fail;
  await client.connect();
  return client;
}
