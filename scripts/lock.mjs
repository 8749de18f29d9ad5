// npm run lock: brings package-lock.json up to date with package.json, and makes it whole.
// npm run lock -- docs: the same for the package of a folder.
// npm run check:lock: only says whether they are.
//
// A registry that mirrors the packages of some platforms only makes npm leave the others out of the lock file, and
// `npm ci` then refuses it. They are put back here: their version stands in the package that wants them, their platform
// in their name. The lock file names no registry either (.npmrc), so it holds for any.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, npm, root } from "./setup.mjs";

/** The folders whose lock files are checked. */
const CHECKED = [".", "docs"];

const PLATFORM = /[/-](?<os>android|darwin|freebsd|linux|openharmony|win32)-(?<cpu>[a-z0-9]+)(-(?<abi>[a-z]+))?$/;

if (process.argv.includes("--check")) {
  for (const folder of CHECKED) check(folder);
} else {
  write(process.argv[2] ?? ".");
}

function check(folder) {
  const { packages } = readLock(folder);
  const missing = [...missingPackages(packages)];
  const addressed = Object.keys(packages).filter((at) => packages[at].resolved?.startsWith("http"));
  if (missing.length > 0 || addressed.length > 0) {
    const names = [
      ...missing.map(({ name }) => `${name} is missing`),
      ...addressed.map((at) => `${at} has an address`),
    ];
    const command = folder === "." ? "npm run lock" : `npm run lock -- ${folder}`;
    fail(`${lockPath(folder)} is not whole, run ${command}: ${names.join(", ")}`);
  }
}

function write(folder) {
  if (npm("install", "--prefix", join(root, folder), "--package-lock-only", "--no-audit", "--no-fund") !== 0) {
    fail("npm could not resolve the packages; its own message is above");
  }
  const lock = readLock(folder);
  for (const { name, version, dev } of missingPackages(lock.packages)) {
    const { os, cpu, libc } = platformOf(name);
    // In npm's order of keys, so that npm has nothing to rewrite; JSON leaves out what is undefined.
    lock.packages[`node_modules/${name}`] = { version, cpu, dev, libc, optional: true, os };
  }
  for (const entry of Object.values(lock.packages)) {
    if (entry.resolved?.startsWith("http")) {
      delete entry.resolved;
    }
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(lockPath(folder), `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}

function lockPath(folder) {
  return join(root, folder, "package-lock.json");
}

function readLock(folder) {
  return JSON.parse(readFileSync(lockPath(folder), "utf8"));
}

function* missingPackages(packages) {
  for (const [at, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!packages[`${at}/node_modules/${name}`] && !packages[`node_modules/${name}`]) {
        yield { name, version, dev };
      }
    }
  }
}

function platformOf(name) {
  const { os, cpu, abi = "" } = PLATFORM.exec(name)?.groups ?? fail(`cannot tell the platform of ${name}`);
  const libc = abi.startsWith("musl") ? "musl" : "glibc";
  return { os: [os], cpu: [cpu], libc: os === "linux" && abi !== "" ? [libc] : undefined };
}
