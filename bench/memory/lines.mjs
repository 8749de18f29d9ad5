// What is measured, one after the other: our policies, and the peers, which have none.

/** @type {Record<string, { client: "tidings" | "node-redis" | "ioredis", overflow: string | null }>} */
export const LINES = {
  "tidings, pause": { client: "tidings", overflow: "pause" },
  "tidings, drop-oldest": { client: "tidings", overflow: "drop-oldest" },
  "tidings, drop-newest": { client: "tidings", overflow: "drop-newest" },
  "tidings, error": { client: "tidings", overflow: "error" },
  "node-redis": { client: "node-redis", overflow: null },
  ioredis: { client: "ioredis", overflow: null },
};

/** Messages per second; each has a payload of 1 KiB. */
export const PUBLISHED = 20_000;
/** What the consumer takes of them: 1 %. */
export const TAKEN = 200;
export const SIZE = 1024;
export const CHANNEL = "news";
/** Our `buffer.limitBytes`: 8,192 messages. */
export const LIMIT_BYTES = 8 * 1024 * 1024;
/** A process that is larger is stopped. */
export const CEILING = 1024 * 1024 * 1024;
/** Milliseconds between two samples. */
export const EVERY = 250;
