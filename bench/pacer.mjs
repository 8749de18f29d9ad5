// Publishes at a steady rate through one pipelined socket; each payload begins with the time at which its write was begun,
// in nanoseconds of the machine's monotonic clock, which all its processes share. A process of its own.
//
// It costs little for each message, so that what is measured is not how busy the publisher keeps the machine.

import { connect } from "node:net";
import { command } from "./frames.mjs";
import { config, fail, on, tell } from "./parent.mjs";

/** @type {{ port: number, channel: string, size: number, rate: number }} rate in messages per second */
const { port, channel, size, rate } = config;
/** Milliseconds of messages that one write makes up for at most. */
const MOST_BEHIND = 20;
const DIGITS = 19;

const frame = command("PUBLISH", channel, "0".repeat(DIGITS).padEnd(size, "x"));
const most = Math.max(1, Math.ceil((rate / 1000) * MOST_BEHIND));
const stampAt = frame.indexOf("0".repeat(DIGITS));

const socket = connect({ port, host: "127.0.0.1", noDelay: true });
socket.on("error", fail);
socket.on("connect", () => tell({ type: "ready" }));
// The replies are read, or the server would stop reading us.
socket.resume();

function frames(count) {
  const bytes = Buffer.allocUnsafe(count * frame.length);
  const stamp = process.hrtime.bigint().toString().padStart(DIGITS, "0");
  frame.latin1Write(stamp, stampAt);
  for (let index = 0; index < count; index += 1) {
    frame.copy(bytes, index * frame.length);
  }
  return bytes;
}

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
    due = Math.min(due + ((now - before) / 1000) * rate, sent + most, messages);
    before = now;
    const count = Math.floor(due) - sent;
    if (count > 0) {
      socket.write(frames(count));
      sent += count;
    }
    if (sent >= messages) {
      end();
    }
  }, 1);
});
