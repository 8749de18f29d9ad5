// Other versions of Node, from npm's registry into the cache folder: packages that hold Node's program for one platform.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";
import { npm } from "./setup.mjs";

/** One version of each line of Node that the tests know, exactly. */
const VERSIONS = { 22: "22.23.5", 24: "24.22.3", 26: "26.12.1" };

/** What `obtainNode` takes. */
export const nodeNames = Object.keys(VERSIONS);

/** The path of a Node of that line, installed now if it is not in the cache; or the reason why there is none. */
export function obtainNode(name) {
  const wanted = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}@${VERSIONS[name]}`;
  const folder = cacheFolder("nodes", wanted);
  const path = join(
    folder,
    "node_modules",
    wanted.split("@")[0],
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (!existsSync(path)) {
    console.log(`tidings: installing ${wanted} into ${folder}`);
    const code = npm("install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", wanted);
    if (code !== 0 || !existsSync(path)) {
      return { reason: `npm could not install ${wanted}` };
    }
  }
  return { path };
}
