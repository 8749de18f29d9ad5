// Just enough of a server for a subscriber to connect to; then it plays recorded frames. A process of its own.

import { createServer } from "node:net";
import { CommandReader } from "./commands.mjs";
import { receivedReel } from "./frames.mjs";
import { config, fail, on, tell } from "./parent.mjs";
import { pump } from "./pump.mjs";

const INFO = "# Server\r\nredis_version:7.4.0\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\n";
const NODE_ID = "a".repeat(40);
const LAST_SLOT = 16_383;
const HELLO = { server: "redis", version: "7.4.0", proto: 3, id: 1, mode: "standalone", role: "master", modules: [] };

/** @type {import("./scenarios.mjs").Scenario} */
const scenario = config.scenario;
/** Some clients know RESP2 only; the same messages in it are of the same length. */
const reels = Object.fromEntries([2, 3].map((protocol) => [protocol, receivedReel({ ...scenario, protocol })]));
/** @type {Map<import("node:net").Socket, { protocol: 2 | 3 }>} */
const subscribers = new Map();

const server = createServer({ noDelay: true }, (socket) => {
  const reader = new CommandReader();
  const connection = { socket, protocol: 2, names: new Set() };
  socket.on("data", (chunk) => {
    for (const [name, ...args] of reader.read(chunk)) {
      socket.write(answer(connection, name.toUpperCase(), args));
    }
  });
  socket.on("close", () => subscribers.delete(socket));
  socket.on("error", () => socket.destroy());
});

function answer(connection, name, args) {
  switch (name) {
    case "HELLO":
      return hello(connection, args);
    case "SUBSCRIBE":
    case "PSUBSCRIBE":
    case "SSUBSCRIBE":
      subscribers.set(connection.socket, connection);
      return args.map((channel) => confirm(connection, name, channel, connection.names.add(channel).size)).join("");
    case "UNSUBSCRIBE":
    case "PUNSUBSCRIBE":
    case "SUNSUBSCRIBE": {
      const names = args.length > 0 ? args : [...connection.names];
      return names
        .map((channel) => {
          connection.names.delete(channel);
          return confirm(connection, name, channel, connection.names.size);
        })
        .join("");
    }
    case "PING":
      if (connection.protocol === 2 && connection.names.size > 0) {
        return `*2\r\n${bulk("pong")}${bulk(args[0] ?? "")}`;
      }
      return args.length > 0 ? bulk(args[0]) : "+PONG\r\n";
    case "INFO":
      return bulk(INFO);
    case "ROLE":
      return `*3\r\n${bulk("master")}:0\r\n*0\r\n`;
    case "CLUSTER":
      return cluster(connection, args[0]?.toUpperCase());
    case "CLIENT":
      return args[0]?.toUpperCase() === "ID" ? ":1\r\n" : "+OK\r\n";
    default:
      return "+OK\r\n";
  }
}

function hello(connection, [version = "2"]) {
  if (Number(version) > scenario.protocol) {
    return "-NOPROTO unsupported protocol version\r\n";
  }
  connection.protocol = Number(version);
  const fields = Object.entries({ ...HELLO, proto: connection.protocol });
  const head = connection.protocol === 3 ? `%${fields.length}` : `*${fields.length * 2}`;
  return `${head}\r\n${fields.map(([name, value]) => bulk(name) + encode(value)).join("")}`;
}

// A cluster of one, for clients that have shard channels in clusters only.
function cluster({ socket: { localPort } }, what) {
  switch (what) {
    case "INFO":
      return bulk("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_known_nodes:1\r\ncluster_size:1\r\n");
    case "SLOTS":
      return encode([[0, LAST_SLOT, ["127.0.0.1", localPort, NODE_ID]]]);
    case "SHARDS": {
      const about = {
        id: NODE_ID,
        port: localPort,
        ip: "127.0.0.1",
        endpoint: "127.0.0.1",
        role: "master",
        health: "online",
      };
      return encode([["slots", [0, LAST_SLOT], "nodes", [Object.entries(about).flat()]]]);
    }
    default:
      return bulk(NODE_ID);
  }
}

function encode(value) {
  if (Array.isArray(value)) {
    return `*${value.length}\r\n${value.map(encode).join("")}`;
  }
  return typeof value === "number" ? `:${value}\r\n` : bulk(value);
}

function confirm({ protocol }, command, name, count) {
  return `${protocol === 3 ? ">" : "*"}3\r\n${bulk(command.toLowerCase())}${bulk(name)}:${count}\r\n`;
}

function bulk(text) {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

on("play", ({ times }) => {
  if (subscribers.size !== 1) {
    fail(`expected one subscribed connection, have ${subscribers.size}`);
  }
  for (const [socket, { protocol }] of subscribers) {
    pump(socket, reels[protocol], times, scenario.burst).catch(fail);
  }
});

server.listen(0, "127.0.0.1", () => tell({ type: "ready", port: server.address().port }));
