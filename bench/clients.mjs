// The clients that are measured. `share` is the part of a scenario's messages a client gets: CPU per message is what
// counts, and a slow client need not run as long for it.

/**
 * What a subscriber does: calls `tally.string` or `tally.bytes` with the payload of every message.
 * @typedef {object} Subscribing
 * @property {number} port
 * @property {import("./scenarios.mjs").Scenario} scenario
 * @property {string[]} channels
 * @property {import("./scenarios.mjs").Entry["how"]} how
 * @property {import("./tally.mjs").Tally} tally
 * @property {(error: unknown) => void} fail
 */

/**
 * @typedef {object} Publisher
 * @property {(messages: number, inFlight: number, channel: string, payloads: string[]) => Promise<void>} publishAll
 */

/**
 * @typedef {object} Client
 * @property {(options: Subscribing) => Promise<void>} subscribe resolves when everything is subscribed
 * @property {(options: { port: number }) => Promise<Publisher>} connect
 */

/** @type {Record<string, { share: number, publishShare: number, load: () => Promise<Client> }>} */
export const CLIENTS = {
  tidings: { share: 2, publishShare: 1, load: () => import("./clients/tidings.mjs") },
  "node-redis": { share: 0.5, publishShare: 0.15, load: () => import("./clients/node-redis.mjs") },
  ioredis: { share: 0.25, publishShare: 0.25, load: () => import("./clients/ioredis.mjs") },
  raw: { share: 2, publishShare: 1, load: () => import("./clients/raw.mjs") },
};
