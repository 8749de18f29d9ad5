// node scripts/install-server.mjs: installs a Redis or Valkey server from the packages of Debian, Ubuntu or a system like
// them, where there is none. `npm test` and `npm run demo` call it, only where they find no server. No service is left
// running, then or at the next start of the machine.

import { spawnSync } from "node:child_process";
import { BY_HAND, findServer, onPath } from "./find-server.mjs";
import { fail, isMain, run } from "./setup.mjs";

// In the order they are tried.
const PACKAGES = ["redis-server", "valkey-server", "valkey"];
const POLICY = "/usr/sbin/policy-rc.d";

/** The path of a server program, installed now if there is none; or the reason why there is none. */
export function obtainServer() {
  const found = findServer();
  if (found !== null) {
    return { path: found };
  }
  if (onPath("apt-get") === null) {
    return { reason: `no server found: ${BY_HAND} (macOS: brew install redis; Fedora: dnf install valkey)` };
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && onPath("sudo") === null) {
    const how = `${BY_HAND} (as root: apt-get install redis-server)`;
    return { reason: `no server found, and neither root nor sudo to install one: ${how}` };
  }
  console.log(
    `tidings: no server found: about to install one with apt-get${isRoot ? "" : " and sudo"}, and to keep its service stopped`,
  );
  const asRoot = isRoot ? [] : ["sudo"];

  let name = PACKAGES.find(hasCandidate);
  if (name === undefined || !aptInstall(asRoot, name)) {
    // No list of packages yet, or one so old that its files are gone.
    runAll([...asRoot, "apt-get", "update"]);
    name = PACKAGES.find(hasCandidate);
    if (name === undefined || !aptInstall(asRoot, name)) {
      return { reason: `apt-get could not install a server: ${BY_HAND}` };
    }
  }
  const path = findServer();
  return path === null ? { reason: `the package ${name} brought no server program: ${BY_HAND}` } : { path };
}

function hasCandidate(name) {
  const { stdout } = spawnSync("apt-cache", ["policy", name], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  return /Candidate: (?!\(none\))/.test(stdout ?? "");
}

// The package would start a server on port 6379, now and at every boot. The policy file prevents the first while the
// package is set up; disabling the unit prevents the second where systemd runs.
function aptInstall(asRoot, name) {
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

if (isMain(import.meta.url)) {
  const { path, reason } = obtainServer();
  console.log(`tidings: server ${path ?? fail(reason)}`);
}
