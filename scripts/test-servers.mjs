// npm run test:servers: the whole suite on each server that is to be had, or on the one that TIDINGS_SERVER names.
// npm run test:servers -- valkey-9 redis-8.0 test/integration: only these servers, only files whose path contains that;
// other arguments, such as -t, are vitest's.
//
// A server is the machine's own if that has the version, else unpacked from Debian's packages into the user's cache. A
// named server that is not to be had is a failure, but with --where-available only a line that says so.

import { spawnSync } from "node:child_process";
import { fitsName, obtainDebianServer, serverNames } from "./debian-servers.mjs";
import { findServer } from "./find-server.mjs";
import { fail, installPackages } from "./setup.mjs";
import { runSuite, totalsText } from "./suite.mjs";

const WHERE_AVAILABLE = "--where-available";
const words = process.argv.slice(2);
const names = words.filter((word) => serverNames.includes(word));
const args = words.filter((word) => !serverNames.includes(word) && word !== WHERE_AVAILABLE);
const mistaken = args.find((word) => /^(redis|redict|valkey)-/.test(word));
if (mistaken !== undefined) {
  fail(`no server is called ${mistaken}; there are ${serverNames.join(", ")}`);
}

installPackages();
const own = findServer();
const lines = [];
const failures = [];
let ran = 0;

for (const name of names.length > 0 ? names : chosenNames()) {
  const { path, reason } = obtain(name);
  if (path === undefined) {
    lines.push(`${name}: not to be had: ${reason}`);
    if (names.length > 0 && !words.includes(WHERE_AVAILABLE)) {
      failures.push(`${name}: was asked for and is not to be had`);
    }
    continue;
  }
  console.log(`\n== ${name}: ${versionOf(path)} (${path})`);
  const { ok, totals } = runSuite(args, { server: path });
  ran += 1;
  lines.push(`${name}: ${versionOf(path)}: ${totalsText(totals)}`);
  failures.push(...(totals?.failures ?? []).map((failure) => `${name}: ${failure}`));
  if (!ok && !totals?.failures.length) {
    failures.push(`${name}: the run failed`);
  }
}

console.log(`\n${[...failures, ...lines].join("\n")}`);
if (ran === 0 && !words.includes(WHERE_AVAILABLE)) {
  fail("no server to test");
}
process.exitCode = failures.length === 0 ? 0 : 1;

/** Without names: the one of TIDINGS_SERVER, or all, and the machine's own where it is of none of these versions. */
function chosenNames() {
  if (process.env.TIDINGS_SERVER) {
    return ["TIDINGS_SERVER"];
  }
  const known = own === null || serverNames.some((name) => fitsName(versionText(own), name));
  return known ? serverNames : ["installed", ...serverNames];
}

function obtain(name) {
  if (own !== null && (!serverNames.includes(name) || fitsName(versionText(own), name))) {
    return { path: own };
  }
  return obtainDebianServer(name);
}

/** `Valkey 9.1.2` */
function versionOf(path) {
  const [, program, number] = /^(\w+) server v=(\S+)/i.exec(versionText(path)) ?? [];
  return program === undefined ? "a server of unknown version" : `${program} ${number}`;
}

function versionText(path) {
  return spawnSync(path, ["--version"], { encoding: "utf8" }).stdout ?? "";
}
