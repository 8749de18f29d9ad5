// How long channels are deaf: from a slot's new owner to the first message, and from a kill to the last channel.

import { setTimeout as sleep } from "node:timers/promises";
import { slotOf } from "../../test/support/slot.ts";
import { startSubscriber } from "./cost.mjs";

/** After this a client is taken not to recover; milliseconds. */
export const LIMIT = 15_000;

/** From the target's SETSLOT NODE (the source was told 200 ms before) to the first message; milliseconds or null. */
export async function slotMoves(cluster, { client, runs }) {
  const times = [];
  const [one, two] = cluster.primaries;
  const [channel] = cluster.channelsFor(one, 1, "moving");
  let child = null;
  // A client that does not come back three times is not waited for any more.
  for (let run = 0; run < runs && times.filter((time) => time === null).length < 3; run++) {
    child ??= await startSubscriber(cluster, { client, channels: [channel], each: true });
    const migration = cluster.migration(slotOf(channel), cluster.ownerOfChannel(channel) === one ? two : one);
    await migration.begin();
    await migration.tellSource();
    await sleep(200);
    const arrivals = watch(child);
    await migration.tellTarget();
    const since = performance.now();
    times.push(await arrivals.all([channel], since, () => publish(migration.target, [channel])));
    arrivals.stop();
    if (times.at(-1) === null) {
      await child.stop();
      child = null;
    }
    await migration.settle();
    await sleep(300);
  }
  await child?.stop();
  return times;
}

/** From a kill -9 of a primary to the first message on the last of its 300 channels; milliseconds or null. */
export async function primaryDies(cluster, { client, runs }) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const [primary] = cluster.primaries;
    const [replica] = cluster.replicasOf(primary);
    const channels = cluster.channelsFor(primary, 300, "dying");
    const child = await startSubscriber(cluster, { client, channels, each: true });
    await sleep(200);
    const arrivals = watch(child);
    const since = performance.now();
    await primary.kill();
    // Any node of the shard takes shard messages for all of it.
    const missing = () => channels.filter((channel) => !arrivals.seen.has(channel));
    times.push(await arrivals.all(channels, since, () => publish(replica, missing())));
    arrivals.stop();
    await child.stop();
    await cluster.waitForFailover(primary);
    await primary.start();
    await cluster.agree();
    await cluster.inSync();
  }
  return times;
}

/** Errors are those of nodes that do not know yet what they are. */
function publish({ control }, channels) {
  return Promise.allSettled(channels.map((channel) => control.command("SPUBLISH", channel, "x")));
}

/** Notes which channels a message has arrived on. */
function watch(child) {
  const seen = new Set();
  child.onMessage = ({ channel }) => seen.add(channel);
  return {
    seen,
    stop: () => {
      child.onMessage = null;
    },
    async all(channels, since, publish) {
      seen.clear();
      while (performance.now() - since < LIMIT) {
        await publish();
        await sleep(5);
        if (seen.size >= channels.length) return performance.now() - since;
      }
      return null;
    },
  };
}
