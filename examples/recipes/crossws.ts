// A chat over WebSocket with crossws: servers hear each other through Redis.

import { createServer } from "node:http";
import crossws from "crossws/adapters/node";
import { redis } from "crossws/sync";
import { Redis } from "tidings";
import { asNodeRedis } from "tidings/compat";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

const sockets = crossws({
  sync: redis({ client: asNodeRedis(client), channel: "chat" }),
  hooks: {
    open: (peer) => peer.subscribe("room"),
    message: (peer, message) => peer.publish("room", message.text()),
  },
});

const server = createServer();
server.on("upgrade", sockets.handleUpgrade);
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening", JSON.stringify(server.address()));
});
