// CPU per message of a sharded subscriber whose channels live on one, two and three nodes.

import { connect } from "node:net";
import { Child } from "../child.mjs";
import { command } from "../frames.mjs";

const SUBSCRIBER = new URL("subscriber.mjs", import.meta.url).href;
const SECONDS = 300;
const BATCH = 500;
const PAYLOAD = "x".repeat(64);
const LF = 0x0a;

/** Starts a subscriber; resolves once it is subscribed. */
export async function startSubscriber(cluster, config) {
  const ports = cluster.nodes.map(({ port }) => port);
  const child = new Child(SUBSCRIBER, { ports, ...config }, SECONDS);
  try {
    await child.next("ready");
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** One run; microseconds per message. */
export async function costOf(cluster, { client, nodes, messages, warmUp }) {
  const lanes = cluster.primaries
    .slice(0, nodes)
    .map((node) => ({ node, names: cluster.channelsFor(node, 30 / nodes) }));
  const channels = lanes.flatMap(({ names }) => names);
  const child = await startSubscriber(cluster, { client, channels, warmUp, messages });
  try {
    let left = warmUp + messages;
    const publish = async ({ node, names }) => {
      const frames = names.map((name) => command("SPUBLISH", name, PAYLOAD));
      const write = await openWriter(node.port);
      while (left > 0) {
        const count = Math.min(BATCH, left);
        left -= count;
        await write(Array.from({ length: count }, (_, index) => frames[index % frames.length]));
      }
      write.end();
    };
    await Promise.all(lanes.map(publish));
    return (await child.next("done")).cost;
  } finally {
    await child.stop();
  }
}

/** Writes commands in one piece; resolves when all are answered, each with one line. */
async function openWriter(port) {
  let due = 0;
  let answered = () => {};
  let failed = () => {};
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("data", (bytes) => {
    for (const byte of bytes) {
      due -= byte === LF ? 1 : 0;
    }
    if (due === 0) {
      answered();
    }
  });
  socket.on("error", (error) => failed(error));
  const write = (frames) =>
    new Promise((resolve, reject) => {
      [answered, failed] = [resolve, reject];
      due = frames.length;
      socket.write(Buffer.concat(frames));
    });
  return Object.assign(write, { end: () => socket.destroy() });
}
