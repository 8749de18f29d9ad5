// Installs the npm packages where they are missing, and runs programs: what all other scripts begin with.
// Node built-ins only: nothing is installed yet when this file starts.

import { spawnSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

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

/** Runs the program of an installed npm package, with this same Node if no other is named; returns its exit code. */
export function runBin(packageName, args, env, node = process.execPath) {
  const manifest = join(root, "node_modules", packageName, "package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  const program = join(dirname(manifest), typeof bin === "string" ? bin : bin[packageName]);
  return run(node, [program, ...args], env);
}

/** Runs npm; when npm started us, that same npm, which works on every platform. */
export function npm(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? run(process.execPath, [script, ...args]) : run("npm", args);
}

/** Installs the npm packages of a folder's lock file when what is installed differs from it. */
export function installPackages(folder = root) {
  if (packagesAreCurrent(folder)) {
    return;
  }
  console.log(`tidings: installing npm packages${folder === root ? "" : ` of ${relative(root, folder)}`}`);
  const code = npm("ci", "--prefix", folder, "--no-audit", "--no-fund");
  if (code !== 0) {
    fail("npm ci failed; its own message is above");
  }
}

// By content and not by date: a fresh checkout gives every file today's date.
function packagesAreCurrent(folder) {
  const wanted = readLock(join(folder, "package-lock.json"));
  const installed = readLock(join(folder, "node_modules", ".package-lock.json"));
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

/** Whether this file is the one that `node` was given; importing it does nothing by itself. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}
