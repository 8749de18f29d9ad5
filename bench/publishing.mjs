// One publisher of a client: publishes with 1,000 in flight. A process of its own.

import { CLIENTS } from "./clients.mjs";
import { startMeter } from "./meter.mjs";
import { config, fail, on, tell } from "./parent.mjs";
import { makePayloads } from "./traffic.mjs";

const IN_FLIGHT = 1000;
const PAYLOADS = 1000;

const { scenario, entry, port } = config;
const payloads = makePayloads(scenario, PAYLOADS);

try {
  const client = await CLIENTS[entry.client].load();
  const publisher = await client.connect({ port });
  on("phase", async ({ messages }) => {
    try {
      const meter = startMeter();
      await publisher.publishAll(messages, IN_FLIGHT, "news", payloads);
      tell({ type: "measured", figures: meter.stop(messages) });
    } catch (error) {
      fail(error);
    }
  });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
