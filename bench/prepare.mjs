// Makes sure that the peers are installed and that our build is current.

import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildExists, ensureBuild } from "../scripts/current-build.mjs";
import { bunProgram, hasBun } from "./bun-program.mjs";
import { compile } from "./native.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Installs the peers when one of them is missing or of another version; returns the versions of those that must be there. */
export function preparePeers() {
  const { devDependencies: needed, optionalDependencies: optional } = readManifest(here);
  if (!areCurrent(needed) || (!areCurrent(optional) && !wasInstalled())) {
    note("installing the peers");
    if (!npm(here, ["ci", "--no-audit", "--no-fund"])) {
      throw new Error("npm ci failed in bench; its own message is above");
    }
  }
  const { redis, ioredis } = needed;
  return { "node-redis": redis, ioredis };
}

/**
 * The peers that are not everywhere, once {@link preparePeers} was called: their versions, and why others are missing.
 * @returns {{ versions: Record<string, string>, missing: Record<string, string>, native: string | null, stop: () => void }}
 *   `native`: the program in C, until `stop`
 */
export function prepareOptionalPeers() {
  const versions = {};
  const missing = {};
  const glide = installedVersion("@valkey/valkey-glide");
  const canGlide = glide !== null && succeeds(process.execPath, ["-e", 'import("@valkey/valkey-glide")']);
  keep("valkey-glide", canGlide ? glide : null, "npm has none for this platform");
  keep("Bun", hasBun() && succeeds(bunProgram(), ["--version"]) ? installedVersion("bun") : null, "npm has none here");
  const compiled = compile();
  keep("hiredis", compiled.version ?? null, compiled.reason);
  return { versions, missing, native: compiled.program ?? null, stop: () => compiled.remove?.() };

  function keep(client, version, reason) {
    if (version === null) {
      missing[client] = reason;
    } else {
      versions[client] = version;
    }
  }
}

/**
 * Builds the library when its build is missing or older than its source.
 * @param {boolean} allowed whether it may be built
 * @returns {string | null} why the library cannot be measured, or null
 */
export function prepareBuild(allowed) {
  if (allowed && ensureBuild() !== 0) {
    return "its build failed; the message is above";
  }
  return buildExists() ? null : "there is no build (npm run build)";
}

/** Writes a line of progress. @param {string} text */
export function note(text) {
  process.stderr.write(`bench: ${text}\n`);
}

function areCurrent(wanted) {
  return Object.entries(wanted).every(([name, version]) => installedVersion(name) === version);
}

// What is optional and could not be had is not asked for again until the lock file changes.
function wasInstalled() {
  const at = (...path) => statSync(join(here, ...path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return at("node_modules", ".package-lock.json") > at("package-lock.json");
}

function succeeds(program, args) {
  return spawnSync(program, args, { cwd: here, stdio: "ignore" }).status === 0;
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
