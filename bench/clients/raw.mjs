// No client at all: a socket that counts bytes. The limit of what Node can do.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { command } from "../frames.mjs";

const READ_BUFFER = 64 * 1024;
const QUIET = 50;
/** `:0\r\n`, what a PUBLISH that reaches nobody is answered with. */
const REPLY_BYTES = 4;

/** @type {import("../clients.mjs").Client["subscribe"]} */
export async function subscribe({ port, scenario, channels, tally, fail }) {
  let subscribing = true;
  let heard = () => {};
  const socket = connectSocket({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(READ_BUFFER),
      callback: (length) => {
        if (subscribing) {
          heard();
        } else {
          tally.raw(length);
        }
        return true;
      },
    },
  });
  socket.on("error", fail);
  await once(socket, "connect");
  if (scenario.protocol === 3) {
    socket.write(command("HELLO", "3"));
  }
  socket.write(scenario.pattern === null ? command("SUBSCRIBE", ...channels) : command("PSUBSCRIBE", scenario.pattern));
  // It reads no confirmations; that nothing more arrives is enough to know.
  await new Promise((resolve) => {
    let timer;
    heard = () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, QUIET);
    };
  });
  subscribing = false;
}

/** @type {import("../clients.mjs").Client["connect"]} */
export async function connect({ port }) {
  const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return {
    publishAll: (messages, inFlight, channel, payloads) =>
      new Promise((resolve, reject) => {
        const frames = payloads.map((payload) => command("PUBLISH", channel, payload));
        let sent = 0;
        let bytes = 0;
        const send = (count) => {
          const end = Math.min(messages, sent + count);
          const batch = [];
          for (; sent < end; sent += 1) {
            batch.push(frames[sent % frames.length]);
          }
          socket.write(Buffer.concat(batch));
        };
        const onData = (chunk) => {
          bytes += chunk.length;
          const settled = Math.floor(bytes / REPLY_BYTES);
          if (settled >= messages) {
            socket.off("data", onData).off("error", reject);
            resolve();
          } else if (sent < messages) {
            send(settled + inFlight - sent);
          }
        };
        socket.on("data", onData).on("error", reject);
        send(inFlight);
      }),
  };
}
