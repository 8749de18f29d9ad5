// How long channels are deaf: from a slot's new owner to the first message, and from a kill to the last channel.

import { setTimeout as sleep } from "node:timers/promises";
import calculateSlot from "cluster-key-slot";
import { namesFor, startSubscriber } from "./cost.mjs";

/** After this a client is taken not to recover; milliseconds. */
export const LIMIT = 15_000;

/** From the target's SETSLOT NODE (the source was told 200 ms before) to the first message; milliseconds or null. */
export async function slotMoves(cluster, { client, runs }) {
  const times = [];
  const [one, two] = await cluster.shards();
  const [channel] = namesFor(one, 1, "moving");
  const slot = calculateSlot(channel);
  let child = null;
  // A client that does not come back three times is not waited for any more.
  for (let run = 0; run < runs && times.filter((time) => time === null).length < 3; run++) {
    child ??= await startSubscriber({ client, ports: cluster.ports, channels: [channel], each: true });
    const [source, target] = run % 2 === 0 ? [one, two] : [two, one];
    await target.primary.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
    await source.primary.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
    await source.primary.call("CLUSTER", "SETSLOT", slot, "NODE", target.id);
    await sleep(200);
    const arrivals = watch(child);
    await target.primary.call("CLUSTER", "SETSLOT", slot, "NODE", target.id);
    const since = performance.now();
    times.push(await arrivals.all([channel], since, () => target.primary.call("SPUBLISH", channel, "x")));
    arrivals.stop();
    if (times.at(-1) === null) {
      child.disconnect();
      child = null;
    }
    for (const { primary } of await cluster.shards()) await primary.call("CLUSTER", "SETSLOT", slot, "NODE", target.id);
    await sleep(300);
  }
  child?.disconnect();
  return times;
}

/** From a kill -9 of a primary to the first message on the last of its 300 channels; milliseconds or null. */
export async function primaryDies(cluster, { client, runs }) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const [shard] = await cluster.shards();
    const [replica] = shard.replicas;
    const channels = namesFor(shard, 300, "dying");
    const child = await startSubscriber({ client, ports: cluster.ports, channels, each: true });
    await sleep(200);
    const arrivals = watch(child);
    shard.primary.kill();
    const since = performance.now();
    // Any node of the shard takes shard messages for all of it.
    const publish = () => {
      const pipeline = replica.control.pipeline();
      for (const channel of channels) if (!arrivals.seen.has(channel)) pipeline.call("SPUBLISH", channel, "x");
      return pipeline.exec();
    };
    times.push(await arrivals.all(channels, since, publish));
    arrivals.stop();
    child.disconnect();
    await sleep(3000);
    shard.primary.start();
    await sleep(500);
    await cluster.settled();
  }
  return times;
}

/** Notes which channels a message has arrived on. */
function watch(child) {
  const seen = new Set();
  const note = ({ type, channel }) => type === "message" && seen.add(channel);
  child.on("message", note);
  return {
    seen,
    stop: () => child.off("message", note),
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
