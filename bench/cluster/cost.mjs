// CPU per message of a sharded subscriber whose channels live on one, two and three nodes.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import calculateSlot from "cluster-key-slot";

/** Starts a subscriber. @returns {Promise<import("node:child_process").ChildProcess>} once it is subscribed */
export async function startSubscriber(config) {
  const child = fork(fileURLToPath(new URL("subscriber.mjs", import.meta.url)), [JSON.stringify(config)]);
  const ended = new Promise((_, reject) =>
    child.once("exit", (code) => reject(new Error(`the subscriber ended (${code})`))),
  );
  ended.catch(() => {});
  child.ended = ended;
  await Promise.race([next(child, "ready"), ended]);
  return child;
}

/** The next message of a type. */
function next(child, type) {
  return new Promise((resolve) => {
    const listen = (message) => {
      if (message.type !== type) return;
      child.off("message", listen);
      resolve(message);
    };
    child.on("message", listen);
  });
}

/** So many names whose slots a shard serves. */
export function namesFor({ ranges }, count, prefix = "channel") {
  const names = [];
  for (let i = 0; names.length < count; i++) {
    const slot = calculateSlot(`${prefix}${i}`);
    if (ranges.some(([first, last]) => first <= slot && slot <= last)) names.push(`${prefix}${i}`);
  }
  return names;
}

/** One run; microseconds per message. */
export async function costOf(cluster, { client, nodes, messages, warmUp }) {
  const shards = (await cluster.shards()).slice(0, nodes);
  const lanes = shards.map((shard) => ({ shard, names: namesFor(shard, 30 / nodes) }));
  const channels = lanes.flatMap(({ names }) => names);
  const child = await startSubscriber({ client, ports: cluster.ports, channels, warmUp, messages });
  const done = Promise.race([next(child, "done"), child.ended]);
  const payload = "x".repeat(64);
  let sent = 0;
  const total = warmUp + messages;
  const publish = async ({ shard, names }) => {
    while (sent < total) {
      const batch = Math.min(500, total - sent);
      sent += batch;
      const pipeline = shard.primary.control.pipeline();
      for (let i = 0; i < batch; i++) pipeline.call("SPUBLISH", names[i % names.length], payload);
      await pipeline.exec();
    }
  };
  await Promise.all(lanes.map(publish));
  const { cost } = await done;
  child.disconnect();
  return cost;
}
