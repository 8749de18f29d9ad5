// The folder for what the scripts bring along and no checkout should hold: servers of other versions, other Nodes.

import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A folder of this project in the user's cache; made where it is missing. TIDINGS_CACHE names another place. */
export function cacheFolder(...path) {
  const base = process.env.TIDINGS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tidings");
  const folder = join(base, ...path);
  mkdirSync(folder, { recursive: true });
  return folder;
}
