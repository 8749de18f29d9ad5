// Publishes at a steady rate through one pipelined socket; each payload begins with the time it was made, in nanoseconds
// of the machine's monotonic clock, which all its processes share. A process of its own.

import { connect } from "node:net";
import { command } from "../frames.mjs";
import { config, fail, on, tell } from "../parent.mjs";

/** @type {{ port: number, channel: string, size: number, rate: number }} rate in messages per second */
const { port, channel, size, rate } = config;
/** Behind by more than this many seconds of messages, they are not made up for: the rate is a rate, not a debt. */
const MOST_BEHIND = 0.1;

const socket = connect({ port, host: "127.0.0.1", noDelay: true });
socket.on("error", fail);
socket.on("connect", () => tell({ type: "ready" }));
// The replies are read, or the server would stop reading us.
socket.resume();

let end = () => {};
on("stop", () => end());

on("publish", ({ messages }) => {
  let sent = 0;
  let due = 0;
  let before = performance.now();
  end = () => {
    clearInterval(timer);
    tell({ type: "published", messages: sent });
  };
  const timer = setInterval(() => {
    const now = performance.now();
    due = Math.min(due + ((now - before) / 1000) * rate, sent + rate * MOST_BEHIND, messages);
    before = now;
    const frames = [];
    for (; sent < Math.floor(due); sent += 1) {
      const payload = `${process.hrtime.bigint()} `.padEnd(size, "x");
      frames.push(command("PUBLISH", channel, payload));
    }
    if (frames.length > 0) {
      socket.write(Buffer.concat(frames));
    }
    if (sent >= messages) {
      end();
    }
  }, 1);
});
