// One subscriber: subscribes, then goes through the phases the parent asks for. A process of its own.

import { CLIENTS } from "./clients.mjs";
import { receivedReel, sharedSums } from "./frames.mjs";
import { config, fail, tell } from "./parent.mjs";
import { onPhases } from "./phases.mjs";
import { Tally } from "./tally.mjs";
import { channelsOf } from "./traffic.mjs";

/** @type {{ scenario: import("./scenarios.mjs").Scenario, entry: import("./scenarios.mjs").Entry, port: number }} */
const { scenario, entry, port } = config;
const reel = receivedReel(scenario);
const seen = entry.how === "shared" ? sharedSums(scenario) : reel;
const tally = new Tally();

onPhases({ tally, sums: { ...seen, bytes: reel.bytes }, endBytes: reel.end.length });

try {
  const client = await CLIENTS[entry.client].load();
  await client.subscribe({ port, scenario, channels: channelsOf(scenario), how: entry.how, tally, fail });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
