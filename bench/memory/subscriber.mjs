// A consumer that takes messages slowly, and says how large its process is. A process of its own.

import { setTimeout as wait } from "node:timers/promises";
import { heapUsed as liveHeap } from "../common/heap.mjs";
import { config, fail, on, tell } from "../parent.mjs";
import { CEILING, EVERY, TAKEN } from "./lines.mjs";
import { openPeer, openTidings } from "./takers.mjs";

/** @type {{ client: "tidings" | "node-redis" | "ioredis", overflow: string, port: number }} */
const { client } = config;
/** What was published has arrived when nothing has for so long; milliseconds. */
const SETTLED = 1000;

const taker = client === "tidings" ? await openTidings(config) : await openPeer(config);
/** What is left of the heap after a full collection: before the first message, and with all that it holds in the end. */
const live = { first: await liveHeap(), last: 0 };
let ended = false;
let startedAt = 0;

/** Takes so many a second, whatever the timers do. */
async function takeSlowly() {
  for (let taken = 0; !ended; ) {
    const due = ((performance.now() - startedAt) / 1000) * TAKEN;
    if (taken < due) {
      if (await taker.take()) {
        taken += 1;
      } else {
        await wait(10);
      }
    } else {
      await wait(((taken + 1 - due) / TAKEN) * 1000);
    }
  }
}

function sample() {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { received, delivered, pending, dropped, gaps } = taker.stats();
  const stats = { received, delivered, pending, dropped, gaps };
  return { at: (performance.now() - startedAt) / 1000, rss, heapUsed, external, stats };
}

async function settled() {
  let before = -1;
  while (taker.stats().received !== before) {
    before = taker.stats().received;
    await wait(SETTLED);
  }
}

let taking = Promise.resolve();
let timer;

on("start", () => {
  startedAt = performance.now();
  taking = takeSlowly();
  taking.catch(fail);
  timer = setInterval(() => {
    const now = sample();
    ended = now.rss > CEILING;
    if (ended) {
      clearInterval(timer);
    }
    tell({ type: "report", sample: now, tooLarge: ended });
  }, EVERY);
});

on("finish", async () => {
  try {
    clearInterval(timer);
    ended = true;
    await taking;
    await settled();
    const last = sample();
    live.last = await liveHeap();
    // Then all that is left, as fast as it can be: what gaps count is known when their place is reached.
    do {
      while (await taker.take());
      await settled();
    } while (taker.stats().pending > 0);
    tell({ type: "report", last, live, drained: taker.stats(), seen: taker.seen() });
  } catch (error) {
    fail(error);
  }
});

tell({ type: "ready" });
