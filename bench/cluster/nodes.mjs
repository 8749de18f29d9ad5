// A private cluster of three primaries and three replicas on loopback, and what is done to it.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

const SERVER = process.env.TIDINGS_SERVER ?? "redis-server";
const CLI = process.env.TIDINGS_CLI ?? "redis-cli";

/** Tries until it holds. @param {() => Promise<boolean>} holds */
async function until(holds, what, milliseconds = 30_000) {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(20)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`${what}: not within ${milliseconds} ms`);
}

class Node {
  constructor(port) {
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), "tidings-bench-"));
  }

  start() {
    const config = { port: this.port, bind: "127.0.0.1", dir: this.directory, save: "", appendonly: "no" };
    const cluster = { "cluster-enabled": "yes", "cluster-node-timeout": "1500", "repl-diskless-sync-delay": "0" };
    const args = Object.entries({ ...config, ...cluster }).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.process = spawn(SERVER, args, { stdio: "ignore" });
    this.control = new Redis({ port: this.port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.control.on("error", () => {});
  }

  kill() {
    this.control?.disconnect();
    this.process?.kill("SIGKILL");
  }

  stop() {
    this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  call(...args) {
    return this.control.call(...args);
  }
}

/** Starts the cluster; `stop()` ends it. */
export async function startCluster() {
  const nodes = (await freePorts(6)).map((port) => new Node(port));
  for (const node of nodes) node.start();
  process.once("exit", () => {
    for (const node of nodes) node.stop();
  });
  await Promise.all(nodes.map((node) => node.call("PING")));
  const create = ["--cluster", "create", ...nodes.map(({ port }) => `127.0.0.1:${port}`)];
  const made = spawnSync(CLI, [...create, "--cluster-replicas", "1", "--cluster-yes"], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`redis-cli --cluster create failed: ${made.stdout}${made.stderr}`);
  const cluster = new Cluster(nodes);
  await cluster.settled();
  return cluster;
}

class Cluster {
  constructor(nodes) {
    this.nodes = nodes;
  }

  get ports() {
    return this.nodes.map(({ port }) => port);
  }

  stop() {
    for (const node of this.nodes) node.stop();
  }

  /** The primaries in the order of their slots, each with its replicas, as one node sees them. */
  async shards(seen = this.nodes[0]) {
    const byPort = new Map(this.nodes.map((node) => [node.port, node]));
    const owners = new Map();
    for (const [first, last, [, port, id], ...replicas] of await seen.call("CLUSTER", "SLOTS")) {
      const shard = owners.get(port) ?? { primary: byPort.get(port), id, ranges: [], replicas: [] };
      shard.ranges.push([first, last]);
      shard.replicas = replicas.map(([, replica]) => byPort.get(replica));
      owners.set(port, shard);
    }
    return [...owners.values()];
  }

  /** Waits until all nodes agree, each shard has a replica and that is in sync. */
  async settled() {
    await until(async () => {
      const views = await Promise.all(
        this.nodes.map(async (node) => {
          const info = await node.call("CLUSTER", "INFO");
          const shards = await this.shards(node);
          const inSync = /role:master|master_link_status:up/.test(await node.call("INFO", "replication"));
          const fit = info.includes("cluster_state:ok") && shards.length === 3 && inSync;
          if (!fit || shards.some(({ replicas }) => replicas.length !== 1)) return Math.random();
          return JSON.stringify(shards.map(({ id, ranges }) => [id, ranges]).sort());
        }),
      );
      return new Set(views).size === 1;
    }, "the cluster agrees");
  }
}

/** Free ports whose bus ports, 10,000 above, are free as well. */
async function freePorts(count) {
  const ports = [];
  for (let port = 20_000 + Math.floor(Math.random() * 10_000); ports.length < count; port++) {
    if ((await isFree(port)) && (await isFree(port + 10_000))) ports.push(port);
  }
  return ports;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
