// What is measured. A scenario is a row of ROWS; its entries are the lines of the table, ours first. What the figures are
// held against is in targets.mjs.

import { REAL } from "./traffic.mjs";

/**
 * @typedef {object} Entry
 * @property {keyof typeof import("./clients.mjs").CLIENTS} client
 * @property {"handler" | "shared" | "for await" | "batches" | "publish" | "subscriptions" | "taking" | "package"} how
 * @property {number} [depth] messages in the queue that one is taken from
 */

/**
 * @typedef {object} Scenario
 * @property {string} name what `--only` asks for
 * @property {keyof typeof SETS} set
 * @property {{ size: number, text: "ascii" | "utf8" }} payload size in bytes
 * @property {import("./traffic.mjs").Traffic | null} traffic in place of such payloads
 * @property {number} burst messages in a write, which the subscriber has read before the next; 0: as many as fit
 * @property {{ count: number, names: number } | null} consumers that share a connection, and the names of each
 * @property {number} channels
 * @property {string | null} pattern subscribed to instead of the channels
 * @property {boolean} sharded SSUBSCRIBE and smessage
 * @property {2 | 3} protocol
 * @property {"string" | "bytes" | "json"} data what the subscriber wants of a payload
 * @property {number} messages measured in one run of a client with share 1
 * @property {number} warmUp messages before that, the same for all clients
 * @property {number | string | null} rate messages per second, where that is given; half of what the best peer in Node
 *   took in the scenario of that name
 * @property {Entry[]} entries
 */

const with_ = (how, ...clients) => clients.map((client) => ({ client, how }));

const HANDLERS = with_("handler", "tidings", "node-redis", "ioredis", "valkey-glide", "Bun", "hiredis", "raw");

const ITERATORS = [
  ...with_("for await", "tidings"),
  ...with_("batches", "tidings"),
  ...with_("handler", "node-redis", "ioredis"),
];

const PUBLISHERS = with_("publish", "tidings", "node-redis", "ioredis", "valkey-glide", "Bun", "raw");

/** @type {Scenario} */
const DEFAULTS = {
  name: "",
  set: "replay",
  payload: { size: 64, text: "ascii" },
  traffic: null,
  burst: 0,
  consumers: null,
  channels: 1,
  pattern: null,
  sharded: false,
  protocol: 3,
  data: "string",
  messages: 1_000_000,
  warmUp: 200_000,
  rate: null,
  entries: HANDLERS,
};

/** The scenario that decides, and that the chart shows first. */
export const MAIN = "real traffic";
/** The cheapest message, which the chart shows beside it. */
export const SMALL = "64 B";
/** Where the rates come from that half a load is half of. */
const SERVED = "real server, 64 B";

const BURSTS = with_("handler", "tidings", "node-redis", "raw");

/** A stream of the kind that people have, and how it differs. @returns {Partial<Scenario> & { name: string }} */
function traffic(name, differs, more = {}) {
  return {
    name,
    set: "traffic",
    traffic: { ...REAL, ...differs },
    channels: 5000,
    messages: 400_000,
    warmUp: 100_000,
    entries: with_("handler", "tidings", "node-redis"),
    ...more,
  };
}

/** @type {(Partial<Scenario> & { name: string })[]} */
const ROWS = [
  traffic(MAIN, {}, { entries: HANDLERS }),
  traffic(
    `${MAIN}, JSON parsed`,
    {},
    { data: "json", entries: with_("handler", "tidings", "node-redis", "ioredis", "Bun") },
  ),
  traffic(`${MAIN}, all ASCII`, { beyond: 0 }),
  traffic(`${MAIN}, 2 in 1,000 beyond ASCII`, { beyond: 0.002 }),
  traffic(`${MAIN}, all beyond ASCII`, { beyond: 1 }),
  traffic(`${MAIN}, accents only`, { beyond: 1, scripts: ["accents"] }),
  traffic(`${MAIN}, Chinese and Japanese only`, { beyond: 1, scripts: ["CJK"], dense: 1 }),
  traffic(`${MAIN}, names beyond ASCII`, { names: "other" }),
  traffic(`${MAIN}, RESP2`, {}, { protocol: 2 }),
  traffic(`${MAIN}, pattern`, {}, { pattern: "news.*" }),
  traffic(`${MAIN}, one channel`, {}, { channels: 1 }),
  ...[1, 10, 100].map((burst) =>
    traffic(
      `${MAIN}, bursts of ${burst}`,
      {},
      { burst, messages: 30_000 * Math.sqrt(burst), warmUp: 10_000, entries: BURSTS },
    ),
  ),
  traffic(
    `${MAIN}, shared`,
    {},
    {
      consumers: { count: 2000, names: 20 },
      messages: 150_000,
      entries: [...with_("shared", "tidings"), ...with_("handler", "tidings")],
    },
  ),
  { name: SMALL, messages: 2_000_000, warmUp: 300_000 },
  { name: "64 B, iterators", entries: ITERATORS },
  { name: "64 B, bytes", data: "bytes" },
  { name: "64 B, UTF-8", payload: { size: 64, text: "utf8" } },
  { name: "64 B, pattern", pattern: "news.*", channels: 100 },
  { name: "64 B, sharded", sharded: true },
  { name: "64 B, RESP2", protocol: 2 },
  { name: "64 B, 100 channels", channels: 100 },
  { name: "64 B, 10,000 channels", channels: 10_000 },
  { name: "16 B", payload: { size: 16, text: "ascii" } },
  { name: "1 KiB", payload: { size: 1024, text: "ascii" }, messages: 500_000, warmUp: 100_000 },
  { name: "16 KiB", payload: { size: 16 * 1024, text: "ascii" }, messages: 80_000, warmUp: 20_000 },
  {
    name: SERVED,
    set: "server",
    messages: 800_000,
    entries: with_("handler", "tidings", "node-redis", "ioredis", "Bun", "raw"),
  },
  { name: "real server, 64 B, iterators", set: "server", messages: 800_000, entries: ITERATORS },
  { name: "publish, 64 B", set: "publish", messages: 600_000, warmUp: 30_000, entries: PUBLISHERS },
  {
    name: "latency, idle",
    set: "latency",
    rate: 500,
    // Bun has a clock of its own.
    entries: with_("handler", "tidings", "node-redis", "ioredis", "valkey-glide"),
  },
  {
    name: "latency, half load",
    set: "latency",
    rate: SERVED,
    // For valkey-glide that load would be more than a whole one.
    entries: with_("handler", "tidings", "node-redis", "ioredis"),
  },
  {
    name: "100,000 subscriptions",
    set: "subscriptions",
    channels: 100_000,
    entries: with_("subscriptions", "tidings", "raw", "node-redis", "ioredis"),
  },
  {
    name: "queue",
    set: "queue",
    messages: 100_000,
    warmUp: 20_000,
    entries: [
      { client: "tidings", how: "taking", depth: 1000 },
      { client: "tidings", how: "taking", depth: 1_000_000 },
    ],
  },
  { name: "package", set: "package", entries: with_("package", "tidings", "node-redis", "ioredis") },
];

/** All scenarios, in the order of the report. @type {readonly Scenario[]} */
export const SCENARIOS = ROWS.map((row) => ({ ...DEFAULTS, ...row }));

const CPU = { key: "cpu", head: "CPU us/message", digits: 3 };
const RATE = { key: "rate", head: "messages/s", digits: 0 };
const MEMORY = { key: "memory", head: "MiB", digits: 0 };

/**
 * What each set of scenarios is, in the order of the report: one table each, and what its figures are; the first is the
 * one that ratios are made of.
 * @type {Record<string, { title: string, figures: { key: string, head: string, digits: number }[] }>}
 */
export const SETS = {
  traffic: {
    title:
      "Real traffic: JSON of 80 to 1,500 bytes, a quarter with text beyond ASCII, 5,000 channels by Zipf's law; replayed",
    figures: [CPU, RATE, MEMORY],
  },
  replay: {
    title: "Subscribing: a recorded stream, written as fast as the socket takes it",
    figures: [CPU, RATE, MEMORY],
  },
  server: { title: "Subscribing: a real server, one publisher as fast as it can", figures: [CPU, RATE, MEMORY] },
  publish: { title: "Publishing: a real server, 1,000 in flight", figures: [RATE, CPU, MEMORY] },
  latency: {
    title: "Latency: from PUBLISH to the handler, through a real server at a given rate",
    figures: [
      { key: "p50", head: "p50 us", digits: 0 },
      { key: "p99", head: "p99 us", digits: 0 },
      { ...RATE, head: "published/s" },
    ],
  },
  subscriptions: {
    title: "Many subscriptions: a real server; time to subscribe, to restore (from the reconnect), heap of each",
    figures: [
      { key: "subscribe", head: "subscribe ms", digits: 0 },
      { key: "restore", head: "restore ms", digits: 0 },
      { key: "heap", head: "heap bytes each", digits: 0 },
    ],
  },
  queue: { title: "Taking messages one by one from a queue of so many", figures: [CPU, MEMORY] },
  package: {
    title: "The package",
    figures: [
      { key: "import", head: "import ms", digits: 1 },
      { key: "size", head: "installed KiB", digits: 0 },
      { key: "packages", head: "dependencies", digits: 0 },
    ],
  },
};
