import { Decoder, GlideClient, GlideClientConfiguration, GlideClusterClient } from "@valkey/valkey-glide";
import { inFlightPublisher } from "../in-flight.mjs";

const { Exact, Pattern } = GlideClientConfiguration.PubSubChannelModes;
/** `PubSubChannelModes.Sharded` of its cluster client. */
const SHARDED = 2;

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally }) {
  const mode = scenario.sharded ? SHARDED : scenario.pattern === null ? Exact : Pattern;
  const names = new Set(scenario.pattern === null ? channels : [scenario.pattern]);
  const binary = scenario.data === "bytes";
  const make = scenario.sharded ? GlideClusterClient : GlideClient;
  // Its documented way is to subscribe with the configuration; it resolves once it is connected.
  const client = await make.createClient({
    ...addressed(port),
    ...(binary ? { defaultDecoder: Decoder.Bytes } : {}),
    pubsubSubscriptions: {
      channelsAndPatterns: { [mode]: names },
      callback: binary ? ({ message }) => tally.bytes(message) : ({ message }) => tally.string(message),
    },
  });
  await subscribedTo(client, mode, names.size);
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  // One more than are in flight; by default it refuses what is beyond 1,000.
  const client = await GlideClient.createClient({ ...addressed(port), inflightRequestsLimit: 1001 });
  return inFlightPublisher((channel, payload) => client.publish(payload, channel));
}

function addressed(port) {
  return { addresses: [{ host: "127.0.0.1", port }], requestTimeout: 10_000 };
}

// It subscribes on its own time.
async function subscribedTo(client, mode, count) {
  for (;;) {
    const { actualSubscriptions } = await client.getSubscriptions();
    if ((actualSubscriptions[mode]?.size ?? 0) === count) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
