// One client with very many subscriptions: says how long they took, what each keeps of the heap, and, once its connection
// is lost, when it was connected again and when all were restored. A process of its own.

import { subscribe as onDiagnostics } from "node:diagnostics_channel";
import { CLIENTS } from "./clients.mjs";
import { heapUsed } from "./common/heap.mjs";
import { config, fail, on, tell } from "./parent.mjs";

/** @type {{ scenario: import("./scenarios.mjs").Scenario, entry: import("./scenarios.mjs").Entry, port: number }} */
const { scenario, entry, port } = config;
// Flat strings, made before anything is measured: they are the user's.
const names = Array.from({ length: scenario.channels }, (_, index) => Buffer.from(`user:${index}:news`).toString());

const now = () => Number(process.hrtime.bigint()) / 1e6;

on("watch", () => {
  let heard = false;
  onDiagnostics("net.client.socket", ({ socket }) => {
    socket.once("connect", () => {
      if (!heard) {
        heard = true;
        tell({ type: "connected", at: now() });
      }
    });
  });
  many.restored?.().then(() => tell({ type: "restored", at: now() }), fail);
  tell({ type: "watching" });
});

const client = await CLIENTS[entry.client].load();
const many = client.many({ port, names, fail });
try {
  await many.start();
  const before = await heapUsed();
  const from = now();
  await many.subscribe();
  const subscribe = now() - from;
  const heap = ((await heapUsed()) - before) / names.length;
  tell({ type: "subscribed", subscribe, heap, tells: many.restored !== null });
} catch (error) {
  fail(error);
}
