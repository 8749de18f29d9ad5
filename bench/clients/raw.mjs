// No client at all: a socket that counts bytes. The limit of what Node can do.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { command } from "../frames.mjs";

const READ_BUFFER = 64 * 1024;
const QUIET = 50;
/** `:0\r\n`, what a PUBLISH without receivers is answered with. */
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
  const verb = scenario.sharded ? "SSUBSCRIBE" : "SUBSCRIBE";
  socket.write(scenario.pattern === null ? command(verb, ...channels) : command("PSUBSCRIBE", scenario.pattern));
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

/** So many names in one command, as we send them. */
const BATCH = 1000;
/** `*3`, `$9`, `subscribe`, `$n`, the name, `:count`. */
const LINES_OF_CONFIRMATION = 6;
const LF = 0x0a;

/** Sends the commands and counts the confirmations. @type {import("../clients.mjs").Client["many"]} */
export function many({ port, names, fail }) {
  let lines = 0;
  let done = () => {};
  const count = (length, bytes) => {
    for (let at = 0; at < length; at += 1) {
      if (bytes[at] === LF) {
        lines += 1;
      }
    }
    if (lines === names.length * LINES_OF_CONFIRMATION) {
      done();
    }
    return true;
  };
  const buffer = Buffer.alloc(READ_BUFFER);
  const dial = () => {
    const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback: count } });
    return socket.on("error", fail);
  };
  const ask = (socket) =>
    new Promise((resolve) => {
      lines = 0;
      done = resolve;
      for (let at = 0; at < names.length; at += BATCH) {
        const batch = names.slice(at, at + BATCH).map((name) => `$${name.length}\r\n${name}\r\n`);
        socket.write(`*${batch.length + 1}\r\n$9\r\nSUBSCRIBE\r\n${batch.join("")}`, "latin1");
      }
    });
  let socket = null;
  return {
    start: async () => {
      socket = dial();
      await once(socket, "connect");
    },
    subscribe: () => ask(socket),
    restored: async () => {
      await once(socket, "close");
      socket = dial();
      await once(socket, "connect");
      await ask(socket);
    },
  };
}
