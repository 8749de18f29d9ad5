// Runs one entry of a scenario once: fresh processes, a warm-up, then the phase that counts.

import { setTimeout as wait } from "node:timers/promises";
import { startServer as startPrivateServer } from "../test/support/redis-server.ts";
import { bunProgram } from "./bun-program.mjs";
import { Child } from "./child.mjs";
import { CLIENTS } from "./clients.mjs";
import { NativeChild } from "./native.mjs";
import { measurePackage } from "./package-figures.mjs";

const RUN_SECONDS = 60;
const SERVER_SECONDS = 3600;
/** Between the phases, so that the garbage of one is not the next one's. */
const SETTLE = 50;
/** What the latencies of one run are taken from, and of the messages before. */
const LATENCY_SECONDS = 2;
const LATENCY_WARM_UP_SECONDS = 0.5;
/** Milliseconds between two looks at how many subscriptions a server has. */
const LOOK = 3;

const REPLAY_SERVER = new URL("replay-server.mjs", import.meta.url).href;
const PUBLISHER = new URL("publisher.mjs", import.meta.url).href;
const PACER = new URL("pacer.mjs", import.meta.url).href;
const PUBLISHING = new URL("publishing.mjs", import.meta.url).href;
const SUBSCRIBING = new URL("subscribing.mjs", import.meta.url).href;
const LATENCY = new URL("latency.mjs", import.meta.url).href;
const MANY = new URL("many.mjs", import.meta.url).href;
const QUEUE = new URL("queue.mjs", import.meta.url).href;

/**
 * Where a scenario's messages come from.
 * @typedef {object} Source
 * @property {number} port
 * @property {import("../test/support/control-client.ts").ControlClient | null} control of the real server
 * @property {Child | null} player what is told to play; null where nothing is played
 * @property {number} reelMessages
 * @property {() => Promise<void>} stop
 */

/**
 * What one run is made with.
 * @typedef {object} Run
 * @property {import("./scenarios.mjs").Scenario} scenario
 * @property {import("./scenarios.mjs").Entry} entry
 * @property {Source} source
 * @property {number} scale of the number of messages
 * @property {string | null} native the program in C
 */

/** What a slow subscriber may leave unread: here without a limit, or it would be cut off, not measured. */
const NO_LIMIT = "pubsub 0 0 0";

/**
 * Starts a private server.
 * @param {string} outputLimit the `client-output-buffer-limit` of subscribers
 */
export async function startServer(outputLimit = NO_LIMIT) {
  const server = await startPrivateServer({ config: [`client-output-buffer-limit ${outputLimit}`] });
  const { name, version } = server.binary;
  return Object.assign(server, { version: `${name === "valkey" ? "Valkey" : "Redis"} ${version}` });
}

/**
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {import("../test/support/redis-server.ts").RedisServer | null} server for the scenarios that want one
 * @param {number} reelMessages
 * @returns {Promise<Source>}
 */
export async function startSource(scenario, server, reelMessages) {
  const file = { traffic: REPLAY_SERVER, replay: REPLAY_SERVER, queue: REPLAY_SERVER, server: PUBLISHER }[scenario.set];
  if (file === undefined) {
    return { port: server.port, control: server.control, player: null, reelMessages, stop: async () => {} };
  }
  // The fake server is that of the tests, in TypeScript.
  const player = new Child(file, { scenario, port: server?.port }, SERVER_SECONDS, { execArgv: ["--import", "tsx"] });
  try {
    const { port } = await player.next("ready");
    return { port, control: null, player, reelMessages, stop: () => player.stop() };
  } catch (error) {
    await player.stop();
    throw error;
  }
}

/** How each set is measured. @type {Record<string, (run: Run) => Promise<Record<string, number>>>} */
const MEASURES = {
  traffic: measureMessages,
  replay: measureMessages,
  server: measureMessages,
  publish: measureMessages,
  latency: measureLatency,
  subscriptions: measureMany,
  queue: measureQueue,
  package: async ({ entry }) => measurePackage(entry.client),
};

/**
 * @param {Run} run
 * @returns {Promise<Record<string, number>>} the figures that its set has
 */
export function measure(run) {
  return MEASURES[run.scenario.set](run);
}

/** Ends a child whatever becomes of its work. */
async function using(child, work) {
  try {
    return await work(child);
  } finally {
    await child.stop();
  }
}

function startChild(file, { scenario, entry, source, native }, more = {}) {
  const config = { scenario, entry, port: source.port, ...more };
  const { runs } = CLIENTS[entry.client];
  if (runs === "native") {
    return new NativeChild(native, config, RUN_SECONDS);
  }
  return new Child(file, config, RUN_SECONDS, runs === "bun" ? { program: bunProgram() } : {});
}

function measureMessages(run) {
  const { scenario, entry, source, scale } = run;
  const { share, publishShare } = CLIENTS[entry.client];
  const publishing = scenario.set === "publish";
  const part = scale * (publishing ? publishShare : share);
  return using(startChild(publishing ? PUBLISHING : SUBSCRIBING, run), async (child) => {
    await child.next("ready");
    // A slow client gets a shorter warm-up as well; it has compiled what it runs by then.
    await phase(child, source, scenario.warmUp * Math.min(1, scale * 2, part * 4));
    await wait(SETTLE);
    return await phase(child, source, scenario.messages * part);
  });
}

async function phase(child, source, wanted) {
  const times = Math.max(1, Math.round(wanted / source.reelMessages));
  return await playPhase(child, source, times, Math.round(wanted));
}

/** Has a reel played so many times, and gives what a child measured of it (phases.mjs). */
export async function playPhase(child, { player }, times, messages = 0) {
  child.send({ type: "phase", times, messages });
  if (player !== null) {
    await child.next("armed");
    player.send({ type: "play", times });
  }
  const { figures } = await child.next("measured");
  return figures;
}

function measureLatency(run) {
  const { scenario, source } = run;
  const messages = Math.round(scenario.rate * LATENCY_SECONDS);
  const warmUp = Math.round(scenario.rate * LATENCY_WARM_UP_SECONDS);
  return using(startChild(LATENCY, run, { messages, warmUp }), async (child) => {
    await child.next("ready");
    const pace = { port: source.port, channel: "news", size: scenario.payload.size, rate: scenario.rate };
    return await using(new Child(PACER, pace, RUN_SECONDS), async (pacer) => {
      await pacer.next("ready");
      pacer.send({ type: "publish", messages: messages + warmUp });
      const { figures } = await child.next("measured");
      return figures;
    });
  });
}

function measureMany(run) {
  const { scenario, source } = run;
  const { control } = source;
  return using(startChild(MANY, run), async (child) => {
    const { subscribe, heap, tells } = await child.next("subscribed");
    child.send({ type: "watch" });
    await child.next("watching");
    await control.command("CLIENT", "KILL", "TYPE", "pubsub");
    const { at: from } = await child.next("connected");
    const told = tells ? (await child.next("restored")).at : null;
    const seen = await subscribed(control, scenario.channels);
    return { subscribe, restore: (told ?? seen) - from, heap };
  });
}

/** When a server has so many subscriptions of one client; milliseconds of the clock that all processes share. */
async function subscribed(control, count) {
  for (;;) {
    const list = await control.command("CLIENT", "LIST", "TYPE", "pubsub");
    if (list.includes(` sub=${count} `)) {
      return Number(process.hrtime.bigint()) / 1e6;
    }
    await wait(LOOK);
  }
}

function measureQueue(run) {
  const { scenario, entry, source } = run;
  const { depth } = entry;
  const rounds = depth >= scenario.messages ? 1 : Math.ceil((scenario.messages + scenario.warmUp) / depth);
  const { messages, warmUp } = scenario;
  return using(startChild(QUEUE, run, { depth, messages, warmUp }), async (child) => {
    for (let round = 0; round < rounds; round += 1) {
      const { times } = await child.next("armed");
      source.player.send({ type: "play", times });
    }
    const { figures } = await child.next("measured");
    return figures;
  });
}
