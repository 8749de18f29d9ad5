// Servers of other versions, unpacked from Debian's packages into the cache folder: nothing is installed, no service is
// started, and no root is needed. Each server runs with the C library and the other libraries of its own Debian.
// The machine's own apt sources tell where Debian's packages are.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";

/** The servers, oldest first. The last of the suites holds the package, the ones before it hold its libraries too. */
const SERVERS = {
  "redis-6.0": { program: "redis", suites: ["bullseye"] },
  "redis-7.0": { program: "redis", suites: ["bookworm"] },
  "redict-7.3": { program: "redict", suites: ["bookworm", "bookworm-backports"] },
  "redis-8.0": { program: "redis", suites: ["sid"] },
  "redis-8.6": { program: "redis", suites: ["sid", "experimental"] },
  "valkey-8.0": { program: "valkey", suites: ["bookworm", "bookworm-backports"] },
  "valkey-8.1": { program: "valkey", suites: ["trixie"] },
  "valkey-9": { program: "valkey", suites: ["sid"] },
};

/** What `obtainDebianServer` takes: a program and the beginning of its version. */
export const serverNames = Object.keys(SERVERS);

/** Whether the text that a server says to `--version` fits a name. */
export function fitsName(version, name) {
  const [program, number] = name.split("-");
  return version.toLowerCase().startsWith(program) && version.includes(`v=${number}.`);
}

/** How long a list of packages is used before it is fetched again, in milliseconds. */
const LIST_AGE = 86_400_000;
/** How long one apt command may take, in milliseconds. */
const APT_LIMIT = 180_000;

/** The path of a server of that version, unpacked now if it is not in the cache; or the reason why there is none. */
export function obtainDebianServer(name) {
  const wanted = SERVERS[name];
  const final = join(cacheFolder("servers"), name);
  const path = join(final, `${wanted.program}-server`);
  try {
    if (!existsSync(path)) {
      console.log(`tidings: unpacking ${name} from Debian's packages into ${final}`);
      unpack(name, wanted, final);
    }
    return { path };
  } catch (error) {
    return { reason: error.message };
  }
}

function unpack(name, { program, suites }, final) {
  const folder = mkdtempSync(join(cacheFolder("servers"), `.${name}-`));
  try {
    const root = join(folder, "root");
    const archives = join(folder, "archives");
    mkdirSync(archives);
    download(`${program}-tools`, suites, archives);
    for (const file of readdirSync(archives)) {
      command("dpkg", ["-x", join(archives, file), root]);
    }
    rmSync(archives, { recursive: true });
    // The package with the tools holds the server too: as the same program under the name of a tool.
    symlinkSync(`${program}-check-rdb`, join(root, "usr/bin", `${program}-server`));
    writeStarter(folder, program);
    const version = command(join(folder, `${program}-server`), ["--version"]);
    if (!fitsName(version, name)) {
      throw new Error(`Debian's ${suites.at(-1)} has another version now: ${version.trim()}`);
    }
    rmSync(final, { recursive: true, force: true });
    renameSync(folder, final);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// A shell script that finds the program beside itself, so that the folder may be renamed. `exec` keeps the process id.
function writeStarter(folder, program) {
  const libraries = ["root/usr/lib", "root/lib"].flatMap((parent) =>
    entriesOf(join(folder, parent))
      .filter((name) => name.includes("-linux-gnu"))
      .map((name) => `${parent}/${name}`),
  );
  const [loader] = libraries.flatMap((library) =>
    entriesOf(join(folder, library))
      .filter((name) => name.startsWith("ld-linux"))
      .map((name) => `${library}/${name}`),
  );
  if (loader === undefined) {
    throw new Error("the packages hold no program loader for this machine");
  }
  const path = join(folder, `${program}-server`);
  const searched = libraries.map((library) => `$here/${library}`).join(":");
  writeFileSync(
    path,
    `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/${loader}" --library-path "${searched}" "$here/root/usr/bin/${program}-server" "$@"
`,
  );
  chmodSync(path, 0o755);
}

function entriesOf(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Fetches a package with the libraries that it needs, as if nothing were installed yet. */
function download(packageName, suites, into) {
  const apt = preparedApt(suites);
  const plan = apt(["-t", suites.at(-1), "install", "--simulate", "--no-install-recommends", packageName], into);
  const chosen = [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+)/gm)]
    .map(([, name, version]) => ({ name, version }))
    .filter(({ name }) => name === packageName || /^(lib|lua-|zlib)/.test(name));
  if (!chosen.some(({ name }) => name === packageName)) {
    throw new Error(`Debian's ${suites.at(-1)} has no package ${packageName} here`);
  }
  apt(["download", ...chosen.map(({ name, version }) => `${name}=${version}`)], into);
}

/** An apt-get that knows these suites alone, and none of the packages that are installed. */
function preparedApt(suites) {
  const state = cacheFolder("apt", suites.join("+"));
  for (const folder of ["lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(state, folder), { recursive: true });
  }
  const sources = join(state, "sources.list");
  const status = join(state, "status");
  writeFileSync(status, "");
  const options = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(state, "lists"),
    "Dir::State::Status": status,
    "Dir::Cache": join(state, "cache"),
    "APT::Sandbox::User": "root",
    "Debug::NoLocking": "true",
    "Acquire::Retries": "3",
    "Acquire::http::Timeout": "30",
  };
  const words = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (args, cwd) => command("apt-get", [...words, ...args], cwd);
  const fresh = join(state, "fresh");
  const age = Date.now() - (statSync(fresh, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (age > LIST_AGE) {
    const base = debianBase();
    writeFileSync(sources, suites.map((suite) => `deb ${base} ${suite} main\n`).join(""));
    apt(["update", "--error-on=any"]);
    writeFileSync(fresh, "");
  }
  return apt;
}

/** Where this machine has Debian's packages from: apt knows it from its own sources, whatever their format. */
function debianBase() {
  const uris = command("apt-get", ["update", "--print-uris", "-o", "Debug::NoLocking=true"]);
  const [, base] = /^'(\S+\/debian)\/dists\//m.exec(uris) ?? [];
  if (base === undefined) {
    throw new Error("apt's sources name no archive of Debian");
  }
  return base;
}

/** Runs a program and gives what it printed; throws with the last line that it complained with. */
function command(program, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: APT_LIMIT,
    maxBuffer: 2 ** 26,
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error) {
    throw new Error(`cannot run ${program}: ${error.message}`);
  }
  if (status !== 0) {
    const complaint = stderr.trim().split("\n").at(-1);
    throw new Error(
      `${program} ${args.find((arg) => /^[a-z]+$/.test(arg)) ?? ""}: ${complaint || `exit code ${status}`}`,
    );
  }
  return stdout;
}
