import { createClient } from "redis";
import { inFlightPublisher } from "../in-flight.mjs";

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally, fail }) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: scenario.protocol });
  client.on("error", fail);
  await client.connect();
  const binary = scenario.data === "bytes";
  const listener = {
    string: (data) => tally.string(data),
    bytes: (data) => tally.bytes(data),
    json: (data) => tally.json(JSON.parse(data)),
  }[scenario.data];
  if (scenario.sharded) {
    await client.sSubscribe(channels, listener, binary);
  } else if (scenario.pattern === null) {
    await client.subscribe(channels, listener, binary);
  } else {
    await client.pSubscribe(scenario.pattern, listener, binary);
  }
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", (error) => {
    throw error;
  });
  await client.connect();
  return inFlightPublisher((channel, payload) => client.publish(channel, payload));
}

/** @type {import("../clients.mjs").Client["many"]} */
export function many({ port, names }) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  // A lost connection is one to it; that is what is measured.
  client.on("error", () => {});
  return {
    start: async () => void (await client.connect()),
    subscribe: () => client.subscribe(names, () => {}),
    restored: null,
  };
}
