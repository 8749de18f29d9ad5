// Keeps a private server on a free loopback port. A process of its own, so that the server ends even when the one that
// asked for it is killed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeEnd, fail, tell } from "./parent.mjs";

const PROGRAMS = process.env.TIDINGS_SERVER ? [process.env.TIDINGS_SERVER] : ["redis-server", "valkey-server"];
const START_TRIES = 100;
const START_PAUSE = 50;

const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
/** @type {import("node:child_process").ChildProcess | null} */
let server = null;

beforeEnd(async () => {
  if (server !== null && server.exitCode === null && server.signalCode === null) {
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function start(program, port) {
  // No limit to what a slow subscriber may leave unread: it would be cut off, not measured.
  const options = {
    port,
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "no",
    daemonize: "no",
    loglevel: "warning",
    "client-output-buffer-limit": "pubsub 0 0 0",
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, ...String(value).split(" ")]);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore" });
    child.once("error", () => resolve(null));
    child.once("spawn", () => resolve(child));
  });
}

function ask(port, command) {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(`${command}\r\nQUIT\r\n`));
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject).on("end", () => resolve(text));
  });
}

async function untilUp(port) {
  for (let attempt = 0; attempt < START_TRIES; attempt += 1) {
    try {
      const info = await ask(port, "INFO server");
      const [, valkey] = info.match(/valkey_version:(\S+)/) ?? [];
      const [, redis] = info.match(/redis_version:(\S+)/) ?? [];
      return valkey ? `Valkey ${valkey}` : `Redis ${redis}`;
    } catch {
      await wait(START_PAUSE);
    }
  }
  throw new Error("the server did not start");
}

try {
  const port = await freePort();
  for (const program of PROGRAMS) {
    server ??= await start(program, port);
  }
  if (server === null) {
    throw new Error(`no server program found (${PROGRAMS.join(", ")})`);
  }
  server.once("exit", (code, signal) => fail(`the server ended (${signal ?? code})`));
  tell({ type: "ready", port, version: await untilUp(port) });
} catch (error) {
  fail(error);
}
