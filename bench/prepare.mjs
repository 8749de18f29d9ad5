// Makes sure that the peers are installed and that our build is current.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildExists, buildIsCurrent, root } from "./build.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Installs the peers when one of them is missing or of another version; returns their versions. */
export function preparePeers() {
  const { devDependencies: wanted } = readManifest(here);
  const peers = Object.entries(wanted);
  if (peers.some(([name, version]) => installedVersion(name) !== version)) {
    note("installing the peers");
    if (!npm(here, ["ci", "--no-audit", "--no-fund"])) {
      throw new Error("npm ci failed in bench; its own message is above");
    }
  }
  const { redis, ioredis } = wanted;
  return { "node-redis": redis, ioredis };
}

/**
 * Builds the library when its build is missing or older than its source.
 * @param {boolean} allowed whether it may be built
 * @returns {string | null} why the library cannot be measured, or null
 */
export function prepareBuild(allowed) {
  if (allowed && !buildIsCurrent()) {
    note("building tidings");
    if (!npm(root, ["run", "build"])) {
      return "its build failed; the message is above";
    }
  }
  return buildExists() ? null : "there is no build (npm run build)";
}

/** Writes a line of progress. @param {string} text */
export function note(text) {
  process.stderr.write(`bench: ${text}\n`);
}

function installedVersion(name) {
  try {
    return readManifest(join(here, "node_modules", name)).version;
  } catch {
    return null;
  }
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

// npm_execpath is npm's own script when npm started us; the same npm then serves again, on every platform.
// What it prints goes to stderr: stdout is for the report.
function npm(cwd, args) {
  const script = process.env.npm_execpath;
  const [command, ...first] = script?.endsWith(".js") ? [process.execPath, script] : ["npm"];
  return spawnSync(command, [...first, ...args], { cwd, stdio: ["ignore", 2, 2] }).status === 0;
}
