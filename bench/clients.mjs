// The clients that are measured. `share` is the part of a scenario's messages a client gets: CPU per message is what
// counts, and a slow client need not run as long for it.

/**
 * What a subscriber does: calls `tally.string` or `tally.bytes` with the payload of every message.
 * @typedef {object} Subscribing
 * @property {number} port
 * @property {import("./scenarios.mjs").Scenario} scenario
 * @property {string[]} channels
 * @property {import("./scenarios.mjs").Entry["how"]} how
 * @property {{ string: (data: string) => void, bytes: (data: Uint8Array) => void, raw: (length: number) => void }} tally
 * @property {(error: unknown) => void} fail
 */

/**
 * @typedef {object} Publisher
 * @property {(messages: number, inFlight: number, channel: string, payloads: string[]) => Promise<void>} publishAll
 */

/**
 * Many subscriptions at once: `start` connects, `subscribe` resolves when all are confirmed; `restored`, where the client
 * can tell, when all are confirmed again after a lost connection.
 * @typedef {object} Many
 * @property {() => Promise<void>} start
 * @property {() => Promise<void>} subscribe
 * @property {(() => Promise<void>) | null} restored
 */

/**
 * @typedef {object} Client
 * @property {(options: Subscribing) => Promise<void>} subscribe resolves when everything is subscribed
 * @property {(options: { port: number }) => Promise<Publisher>} connect
 * @property {(options: { port: number, names: string[], fail: (error: unknown) => void }) => Many} [many]
 */

/**
 * @typedef {object} Row
 * @property {number} share
 * @property {number} publishShare
 * @property {boolean} [slow] dear enough that a quick measurement leaves it out where it decides nothing
 * @property {"ours" | "node" | "other" | "limit"} kind node: a peer in Node; other: a peer that is not in Node, or none
 *   that does the same work; limit: no client at all
 * @property {"node" | "bun" | "native"} runs what runs it
 * @property {(() => Promise<Client>) | null} load
 * @property {(scenario: import("./scenarios.mjs").Scenario) => boolean} can whether it has what the scenario asks for
 */

const all = () => true;

/** @type {Record<string, Row>} */
export const CLIENTS = {
  tidings: {
    share: 2,
    publishShare: 1,
    kind: "ours",
    runs: "node",
    can: all,
    load: () => import("./clients/tidings.mjs"),
  },
  "node-redis": {
    share: 0.5,
    publishShare: 0.15,
    kind: "node",
    runs: "node",
    can: all,
    load: () => import("./clients/node-redis.mjs"),
  },
  ioredis: {
    share: 0.25,
    publishShare: 0.25,
    slow: true,
    kind: "node",
    runs: "node",
    can: all,
    load: () => import("./clients/ioredis.mjs"),
  },
  "valkey-glide": {
    share: 0.08,
    publishShare: 0.08,
    slow: true,
    kind: "node",
    runs: "node",
    // Its Pub/Sub is RESP3 only.
    can: ({ protocol }) => protocol === 3,
    load: () => import("./clients/valkey-glide.mjs"),
  },
  Bun: {
    share: 0.5,
    publishShare: 1,
    kind: "other",
    runs: "bun",
    // It speaks RESP3, gives payloads as strings, and takes a listener for plain channels only.
    can: ({ protocol, data, pattern, sharded }) => protocol === 3 && data !== "bytes" && pattern === null && !sharded,
    load: () => import("./clients/bun.mjs"),
  },
  hiredis: { share: 1, publishShare: 0, kind: "other", runs: "native", can: all, load: null },
  raw: { share: 2, publishShare: 1, kind: "limit", runs: "node", can: all, load: () => import("./clients/raw.mjs") },
};
