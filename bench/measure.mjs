// Runs one entry of a scenario once: fresh processes, a warm-up, then the phase that counts.

import { setTimeout as wait } from "node:timers/promises";
import { Child } from "./child.mjs";
import { CLIENTS } from "./clients.mjs";

const RUN_SECONDS = 60;
const SERVER_SECONDS = 900;
/** Between the phases, so that the garbage of one is not the next one's. */
const SETTLE = 50;

/**
 * Where a scenario's messages come from.
 * @typedef {object} Source
 * @property {number} port
 * @property {Child | null} player what is told to play; null where the measured client itself publishes
 * @property {number} reelMessages
 * @property {() => Promise<void>} stop
 */

/** Starts a private server. */
export async function startServer() {
  const child = new Child("real-server.mjs", {}, SERVER_SECONDS);
  try {
    const { port, version } = await child.next("ready");
    return { port, version, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/**
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {number} serverPort of the real server, for the scenarios that want one
 * @param {number} reelMessages
 * @returns {Promise<Source>}
 */
export async function startSource(scenario, serverPort, reelMessages) {
  if (scenario.set === "publish") {
    return { port: serverPort, player: null, reelMessages, stop: async () => {} };
  }
  const file = scenario.set === "replay" ? "replay-server.mjs" : "publisher.mjs";
  const player = new Child(file, { scenario, port: serverPort }, SERVER_SECONDS);
  try {
    const { port } = await player.next("ready");
    return { port, player, reelMessages, stop: () => player.stop() };
  } catch (error) {
    await player.stop();
    throw error;
  }
}

/**
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {import("./scenarios.mjs").Entry} entry
 * @param {Source} source
 * @param {number} scale of the number of messages
 * @returns {Promise<import("./meter.mjs").Figures>}
 */
export async function measure(scenario, entry, source, scale) {
  const { share, publishShare } = CLIENTS[entry.client];
  const part = scale * (source.player === null ? publishShare : share);
  const file = source.player === null ? "publishing.mjs" : "subscribing.mjs";
  const child = new Child(file, { scenario, entry, port: source.port }, RUN_SECONDS);
  try {
    await child.next("ready");
    await phase(child, source, scenario.warmUp);
    await wait(SETTLE);
    return await phase(child, source, scenario.messages * part);
  } finally {
    await child.stop();
  }
}

async function phase(child, { player, reelMessages }, wanted) {
  const times = Math.max(1, Math.round(wanted / reelMessages));
  child.send({ type: "phase", times, messages: Math.round(wanted) });
  if (player !== null) {
    await child.next("armed");
    player.send({ type: "play", times });
  }
  const { figures } = await child.next("measured");
  return figures;
}
