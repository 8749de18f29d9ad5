// What is measured. A scenario is a row of SCENARIOS; its entries are the lines of the table, ours first.

/**
 * @typedef {object} Entry
 * @property {keyof typeof import("./clients.mjs").CLIENTS} client
 * @property {"handler" | "for await" | "batches" | "publish"} how
 */

/**
 * @typedef {object} Scenario
 * @property {string} name what `--only` asks for
 * @property {"replay" | "server" | "publish"} set replay: recorded frames as fast as the socket takes them; server: a real
 *   server with a publisher as fast as it can; publish: publishing to a real server, 1,000 in flight
 * @property {{ size: number, text: "ascii" | "utf8" }} payload size in bytes
 * @property {number} channels
 * @property {string | null} pattern subscribed to instead of the channels
 * @property {2 | 3} protocol
 * @property {"string" | "bytes"} data what the subscriber wants of a payload
 * @property {number} messages measured in one run of a client with share 1
 * @property {number} warmUp messages before that, the same for all clients
 * @property {Entry[]} entries
 */

const HANDLERS = [
  { client: "tidings", how: "handler" },
  { client: "node-redis", how: "handler" },
  { client: "ioredis", how: "handler" },
  { client: "raw", how: "handler" },
];

const ITERATORS = [
  { client: "tidings", how: "for await" },
  { client: "tidings", how: "batches" },
  { client: "node-redis", how: "handler" },
  { client: "ioredis", how: "handler" },
];

const PUBLISHERS = ["tidings", "node-redis", "ioredis", "raw"].map((client) => ({ client, how: "publish" }));

/** @type {Scenario} */
const DEFAULTS = {
  name: "",
  set: "replay",
  payload: { size: 64, text: "ascii" },
  channels: 1,
  pattern: null,
  protocol: 3,
  data: "string",
  messages: 1_000_000,
  warmUp: 200_000,
  entries: HANDLERS,
};

/** @type {(Partial<Scenario> & { name: string })[]} */
const ROWS = [
  { name: "64 B", messages: 2_000_000, warmUp: 300_000 },
  { name: "64 B, iterators", entries: ITERATORS },
  { name: "64 B, bytes", data: "bytes" },
  { name: "64 B, UTF-8", payload: { size: 64, text: "utf8" } },
  { name: "64 B, pattern", pattern: "news.*", channels: 100 },
  { name: "64 B, RESP2", protocol: 2 },
  { name: "64 B, 100 channels", channels: 100 },
  { name: "64 B, 10,000 channels", channels: 10_000 },
  { name: "16 B", payload: { size: 16, text: "ascii" } },
  { name: "1 KiB", payload: { size: 1024, text: "ascii" }, messages: 500_000, warmUp: 100_000 },
  { name: "16 KiB", payload: { size: 16 * 1024, text: "ascii" }, messages: 80_000, warmUp: 20_000 },
  { name: "real server, 64 B", set: "server", messages: 800_000 },
  { name: "real server, 64 B, iterators", set: "server", messages: 800_000, entries: ITERATORS },
  { name: "publish, 64 B", set: "publish", messages: 600_000, warmUp: 30_000, entries: PUBLISHERS },
];

/** All scenarios, in the order of the report. @type {readonly Scenario[]} */
export const SCENARIOS = ROWS.map((row) => ({ ...DEFAULTS, ...row }));

/** What each set of scenarios is, in the order of the report; one table each. */
export const SETS = {
  replay: "Subscribing: a recorded stream, written as fast as the socket takes it",
  server: "Subscribing: a real server, one publisher as fast as it can",
  publish: "Publishing: a real server, 1,000 in flight",
};
