// One subscriber of a recorded stream, through a consumer or through a face: CPU per message. A process of its own.

import { receivedReel } from "../frames.mjs";
import { startMeter } from "../meter.mjs";
import { config, fail, tell } from "../parent.mjs";
import { onPhases } from "../phases.mjs";
import { Tally } from "../tally.mjs";

/** @type {{ core: string, compat: string, scenario: import("../scenarios.mjs").Scenario, port: number, how: string }} */
const { core, compat, scenario, port, how } = config;
const { bytes, Redis } = await import(core);
const { asIoredis, asNodeRedis } = await import(compat);
const tally = new Tally();

onPhases({
  tally,
  sums: receivedReel(scenario),
  measure: () => {
    const meter = startMeter();
    return (messages) => ({ figure: meter.stop(messages).cpu });
  },
});

const text = (data) => tally.string(data);
const buffer = (data) => tally.bytes(data);
const ways = {
  consumer: (client) => client.pubsub({ channelHandlers: [["news", ({ data }) => text(data)]] }),
  asIoredis: (client) => {
    const face = asIoredis(client).on("message", (_channel, data) => text(data));
    return face.subscribe("news");
  },
  asNodeRedis: (client) => asNodeRedis(client).subscribe("news", text),
  "consumer, bytes": (client) => {
    return client.pubsub({ codec: bytes, channelHandlers: [["news", ({ data }) => buffer(data)]] });
  },
  "asIoredis, bytes": (client) => {
    const face = asIoredis(client).on("messageBuffer", (_channel, data) => buffer(data));
    return face.subscribe("news");
  },
  "asNodeRedis, bytes": (client) => asNodeRedis(client).subscribe("news", buffer, true),
};

try {
  await ways[how](new Redis(`redis://127.0.0.1:${port}`));
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}
