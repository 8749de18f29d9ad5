// A subscriber that notes how long each message was on its way. A process of its own.

import { CLIENTS } from "./clients.mjs";
import { quantile } from "./common/figures.mjs";
import { config, fail, tell } from "./parent.mjs";
import { channelsOf } from "./traffic.mjs";

/** @type {{ scenario: import("./scenarios.mjs").Scenario, entry: import("./scenarios.mjs").Entry, port: number, messages: number, warmUp: number }} */
const { scenario, entry, port, messages, warmUp } = config;
const microseconds = new Float64Array(messages);
let received = -warmUp;
let startedAt = 0;

const tally = {
  /** @param {string} data begins with the time it was made, in nanoseconds */
  string(data) {
    const now = Number(process.hrtime.bigint());
    if (received >= 0) {
      microseconds[received] = (now - Number.parseInt(data, 10)) / 1000;
    } else {
      startedAt = now;
    }
    received += 1;
    if (received === messages) {
      tell({ type: "measured", figures: figures(now) });
    }
  },
};

function figures(now) {
  return {
    p50: quantile(microseconds, 0.5),
    p99: quantile(microseconds, 0.99),
    rate: messages / ((now - startedAt) / 1e9),
  };
}

try {
  const client = await CLIENTS[entry.client].load();
  await client.subscribe({ port, scenario, channels: channelsOf(scenario), how: entry.how, tally, fail });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
