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

/** A loopback port that nobody listens on now. Another process may still be quicker: be ready for EADDRINUSE. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
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
