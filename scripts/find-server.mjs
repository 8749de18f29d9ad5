// Looks for the programs that tests, demo and benchmarks start. Node built-ins only.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fail } from "./setup.mjs";

const SERVERS = ["redis-server", "valkey-server"];

/** What to do where there is no server. */
export const BY_HAND = "put redis-server or valkey-server on the PATH, or its path in TIDINGS_SERVER";

/** The path of the server program: what TIDINGS_SERVER names, else the first on the PATH, or null. */
export function findServer() {
  return process.env.TIDINGS_SERVER || (SERVERS.map(onPath).find((path) => path !== null) ?? null);
}

/** The same, for commands that do nothing without one. */
export function requireServer() {
  return findServer() ?? fail(`no server found: ${BY_HAND}, or run node scripts/install-server.mjs`);
}

/** The full path of a program on the PATH, or null. */
export function onPath(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) {
        return path;
      }
    } catch {
      // not here
    }
  }
  return null;
}
