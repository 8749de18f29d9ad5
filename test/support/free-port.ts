import { randomInt } from "node:crypto";
import * as net from "node:net";

/**
 * Below the range from which the kernel takes ports for outgoing connections: otherwise such a connection could take
 * the port of a server that is down for a restart. The cluster bus, 10,000 higher, stays below it too.
 */
const LOWEST = 12_000;
const HIGHEST = 22_000;
/** How much higher than its port a cluster's node has its bus port. */
export const BUS_OFFSET = 10_000;

/**
 * Test files run beside each other, and a server that is down for a while must find its port free when it returns: no
 * other file's server may have taken it, and none of a cluster may have answered in its name. So each worker of the
 * test runner takes ports from a stripe of its own, and a process takes none twice.
 */
const STRIPES = 4;
const STRIPE = Number(process.env.VITEST_POOL_ID ?? 0) % STRIPES;
const taken = new Set<number>();

/** A loopback port that nobody listens on now. Another process may still be quicker: be ready for EADDRINUSE. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(LOWEST / STRIPES, HIGHEST / STRIPES) * STRIPES + STRIPE;
    if (taken.has(port)) continue;
    taken.add(port);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST}`);
}

/** A port for a cluster's node: the one of its bus, 10,000 higher, is free as well. */
export async function freeNodePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = await freePort();
    if (await canListen(port + BUS_OFFSET)) return port;
  }
  throw new Error("no free port whose bus port is free too");
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
