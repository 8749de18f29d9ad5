// One subscriber: subscribes, then goes through the phases the parent asks for. A process of its own.

import { CLIENTS } from "./clients.mjs";
import { receivedReel, sharedSums } from "./frames.mjs";
import { startMeter } from "./meter.mjs";
import { config, fail, on, tell } from "./parent.mjs";
import { Tally } from "./tally.mjs";
import { channelsOf } from "./traffic.mjs";

/** @type {{ scenario: import("./scenarios.mjs").Scenario, entry: import("./scenarios.mjs").Entry, port: number }} */
const { scenario, entry, port } = config;
const reel = receivedReel(scenario);
const seen = entry.how === "shared" ? sharedSums(scenario) : reel;
const tally = new Tally();

on("phase", ({ times }) => {
  const messages = seen.messages * times;
  const expected = {
    messages,
    length: seen.length * times,
    touched: seen.touched * times,
    bytes: reel.bytes * times + reel.end.length,
  };
  const meter = startMeter();
  let ended = false;
  tally.begin(expected, () => {
    // Of many consumers each may see the message that ends the phase.
    if (ended) {
      return;
    }
    ended = true;
    const figures = meter.stop(messages);
    const difference = tally.difference();
    if (difference === null) {
      tell({ type: "measured", figures });
    } else {
      fail(difference);
    }
  });
  tell({ type: "armed" });
});

try {
  const client = await CLIENTS[entry.client].load();
  await client.subscribe({ port, scenario, channels: channelsOf(scenario), how: entry.how, tally, fail });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
