// Brings a machine that has only Node and npm to the point where tests and demos run.
// Node built-ins only: nothing is installed yet when this file starts.

import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const SERVERS = ["redis-server", "valkey-server"];
// Distribution packages in the order they are tried, each with the program it brings.
const SERVER_PACKAGES = ["redis-server", "valkey-server", "valkey"];
const POLICY = "/usr/sbin/policy-rc.d";

/** Ends the process with a one-line reason. */
export function fail(reason) {
  process.stderr.write(`tidings: ${reason}\n`);
  process.exit(1);
}

/** Runs a program in the project's root with the terminal handed through; returns its exit code. */
export function run(command, args, env = {}) {
  const { status, error, signal } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }), ...env },
  });
  if (error) {
    fail(`cannot run ${command}: ${error.message}`);
  }
  if (signal) {
    process.stderr.write(`tidings: ${command} was ended by ${signal}\n`);
  }
  return status ?? 1;
}

/** Runs the program of an installed npm package with this same Node; returns its exit code. */
export function runBin(packageName, args, env) {
  const manifest = join(root, "node_modules", packageName, "package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  const program = join(dirname(manifest), typeof bin === "string" ? bin : bin[packageName]);
  return run(process.execPath, [program, ...args], env);
}

/** Runs npm; when npm started us, that same npm, which works on every platform. */
export function npm(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? run(process.execPath, [script, ...args]) : run("npm", args);
}

/** Installs the npm packages of the lock file when what is installed differs from it. */
export function installPackages() {
  if (packagesAreCurrent()) {
    return;
  }
  console.log("tidings: installing npm packages");
  const code = npm("ci", "--no-audit", "--no-fund");
  if (code !== 0) {
    fail("npm ci failed; its own message is above");
  }
}

// By content and not by date: a fresh checkout gives every file today's date.
function packagesAreCurrent() {
  const wanted = readLock(join(root, "package-lock.json"));
  const installed = readLock(join(root, "node_modules", ".package-lock.json"));
  if (wanted === null) {
    fail("package-lock.json is missing or damaged");
  }
  if (installed === null) {
    return false;
  }
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || installed[path]?.version === version || (optional === true && installed[path] === undefined),
  );
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return null;
  }
}

/** The path of a Redis or Valkey server program, installing the distribution's package where there is none. */
export function installServer() {
  const { path, reason } = obtainServer();
  return path ?? fail(reason);
}

/** The same; where that cannot be done, it gives the reason. */
export function obtainServer() {
  const found = findServer();
  if (found !== null) {
    return { path: found };
  }
  const byHand = "put redis-server or valkey-server on the PATH, or its path in TIDINGS_SERVER";
  if (onPath("apt-get") === null) {
    return { reason: `no server found: ${byHand} (macOS: brew install redis; Fedora: dnf install valkey)` };
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && onPath("sudo") === null) {
    const how = `${byHand} (as root: apt-get install redis-server)`;
    return { reason: `no server found, and neither root nor sudo to install one: ${how}` };
  }
  const asRoot = isRoot ? [] : ["sudo"];

  let name = SERVER_PACKAGES.find(hasCandidate);
  if (name === undefined || !aptInstall(asRoot, name)) {
    // No list of packages yet, or one so old that its files are gone.
    runAll([...asRoot, "apt-get", "update"]);
    name = SERVER_PACKAGES.find(hasCandidate);
    if (name === undefined || !aptInstall(asRoot, name)) {
      return { reason: `apt-get could not install a server: ${byHand}` };
    }
  }
  const path = findServer();
  return path === null ? { reason: `the package ${name} brought no server program: ${byHand}` } : { path };
}

/** The path of the server program: what TIDINGS_SERVER names, else the first on the PATH, or null. */
function findServer() {
  if (process.env.TIDINGS_SERVER) {
    return process.env.TIDINGS_SERVER;
  }
  for (const name of SERVERS) {
    const path = onPath(name);
    if (path !== null) {
      return path;
    }
  }
  return null;
}

function onPath(name) {
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

function hasCandidate(name) {
  const { stdout } = spawnSync("apt-cache", ["policy", name], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  return /Candidate: (?!\(none\))/.test(stdout ?? "");
}

// The distribution's package would start a server on port 6379 and at every boot. The tests start their own, so the
// service is kept down: by policy while the package is set up, and by disabling the unit where systemd runs.
function aptInstall(asRoot, name) {
  console.log(`tidings: installing the package ${name}`);
  const script = `
    set -e
    if [ ! -e ${POLICY} ]; then
      trap 'rm -f ${POLICY}' EXIT
      printf '#!/bin/sh\\nexit 101\\n' > ${POLICY}
      chmod 755 ${POLICY}
    fi
    export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends ${name}
    if [ -d /run/systemd/system ]; then
      systemctl disable redis-server.service valkey-server.service >/dev/null 2>&1 || true
    fi
  `;
  return runAll([...asRoot, "sh", "-c", script]) === 0;
}

function runAll([command, ...args]) {
  return run(command, args);
}

/** Whether this file is the one that `node` was given; importing it does nothing by itself. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}

if (isMain(import.meta.url)) {
  installPackages();
  console.log(`tidings: server ${installServer()}`);
}
