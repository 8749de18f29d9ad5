// The slow consumers: each gives what it has seen, and takes one message at a time.

import { tidingsModule } from "../build.mjs";
import { CLIENTS } from "../clients.mjs";
import { CHANNEL, LIMIT_BYTES } from "./lines.mjs";

/**
 * @typedef {object} Taker
 * @property {() => Promise<boolean>} take the next message, if there is one within a moment
 * @property {() => { received: number, delivered: number, pending: number, dropped: number, gaps: number }} stats
 * @property {() => { taken: number, dropped: number, causes: Record<string, number>, failures: number }} seen what the reader
 *   itself counted: messages, what gaps said was dropped, gaps by cause
 */

/** @param {{ port: number, overflow: string }} options @returns {Promise<Taker>} */
export async function openTidings({ port, overflow }) {
  const { Redis, TimeoutError } = await import(tidingsModule());
  const client = new Redis(`redis://127.0.0.1:${port}`);
  const consumer = await client.pubsub({
    channels: CHANNEL,
    ignoreSubscribeMessages: true,
    includeGaps: true,
    buffer: { limitBytes: LIMIT_BYTES, overflow },
  });
  const seen = { taken: 0, dropped: 0, causes: {}, failures: 0 };
  const note = (gap) => {
    seen.causes[gap.cause] = (seen.causes[gap.cause] ?? 0) + 1;
    seen.dropped += gap.dropped ?? 0;
  };
  const take = async () => {
    try {
      for (;;) {
        const item = await consumer.receive({ timeout: 100 });
        if (item.type !== "gap") {
          seen.taken += 1;
          return true;
        }
        note(item);
      }
    } catch (error) {
      if (error instanceof TimeoutError) {
        return false;
      }
      // "error": what was unread is read by now; this is how one goes on.
      seen.failures += 1;
      await consumer.retry();
      return true;
    }
  };
  return { take, stats: () => consumer.stats(), seen: () => seen };
}

/**
 * A listener, which is all that the peers have. What it cannot take at once it has to keep: a plain queue.
 * @param {{ port: number, client: "node-redis" | "ioredis" }} options
 * @returns {Promise<Taker>}
 */
export async function openPeer({ port, client }) {
  const queue = [];
  const seen = { taken: 0, dropped: 0, causes: {}, failures: 0 };
  let head = 0;
  let received = 0;
  const { subscribe } = await CLIENTS[client].load();
  await subscribe({
    port,
    scenario: { protocol: 3, data: "string", pattern: null },
    channels: [CHANNEL],
    how: "handler",
    tally: {
      string: (data) => {
        received += 1;
        queue.push(data);
      },
    },
    fail: (error) => console.error(error.message),
  });
  const take = async () => {
    if (head === queue.length) {
      return false;
    }
    head += 1;
    seen.taken += 1;
    if (head === 1000) {
      queue.splice(0, head);
      head = 0;
    }
    return true;
  };
  const stats = () => ({ received, delivered: seen.taken, pending: queue.length - head, dropped: 0, gaps: 0 });
  return { take, stats, seen: () => seen };
}
