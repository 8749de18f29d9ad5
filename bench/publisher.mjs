// Publishes the reel to a real server through one pipelined socket. A process of its own.

import { once } from "node:events";
import { connect } from "node:net";
import { publishedReel } from "./frames.mjs";
import { config, fail, on, tell } from "./parent.mjs";
import { pump } from "./pump.mjs";

const reel = publishedReel(config.scenario);
const socket = connect({ port: config.port, host: "127.0.0.1", noDelay: true });
socket.on("error", fail);
socket.on("connect", () => tell({ type: "ready", port: config.port }));
// The replies are read, or the server would stop reading us.
socket.resume();

const connection = { write: (bytes, written) => socket.write(bytes, written), closed: once(socket, "close") };
on("play", ({ times }) => pump(connection, reel, times).catch(fail));
