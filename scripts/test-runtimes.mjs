// npm run test:runtimes -- [names]: a core scenario with the built package on Node, Bun and Deno. A runtime that cannot be
// had is a line of the output.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { cacheFolder } from "./cache-folder.mjs";
import { obtainServer } from "./install-server.mjs";
import { fail, installPackages, npm, root } from "./setup.mjs";

/** The packages that hold the programs for one platform, and how a program is given a file to run. */
const RUNTIMES = {
  node: { args: [] },
  bun: { package: "@oven/bun-linux-x64@1.4.5", program: "bin/bun", args: ["run"] },
  deno: {
    package: "@deno/linux-x64-glibc@2.9.6",
    program: "deno",
    args: ["run", "--quiet", "--allow-all", "--no-lock", "--node-modules-dir=manual"],
  },
};
/** Points that the scenario checks, the last being that the process ends by itself. */
const POINTS = 7;
const LIMIT = 60_000;

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) {
  fail(`no such runtime: ${unknown.join(", ")}; there are ${Object.keys(RUNTIMES).join(", ")}`);
}
installPackages();
if (npm("run", "--silent", "build") !== 0) {
  fail("the build failed");
}
const { path: server, reason } = obtainServer();
if (server === undefined) {
  fail(reason);
}

const folder = mkdtempSync(join(tmpdir(), "tidings-runtimes-"));
mkdirSync(join(folder, "node_modules"));
for (const name of ["tidings", "@standard-schema", "cluster-key-slot", "fastest-levenshtein"]) {
  symlinkSync(name === "tidings" ? root : join(root, "node_modules", name), join(folder, "node_modules", name));
}
writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
symlinkSync(join(root, "scripts", "runtimes", "scenario.mjs"), join(folder, "scenario.mjs"));

const port = await freePort();
const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
const redis = spawn(server, args, { stdio: "ignore" });
let passed = 0;
let failed = 0;
let skipped = 0;
try {
  await answering(port);
  const { cert, tlsPort, close } = await encrypted(port);
  for (const name of names.length > 0 ? names : Object.keys(RUNTIMES)) {
    const program = obtain(name);
    if (program === null) {
      console.log(`${name}: cannot be had here`);
      skipped += POINTS;
      continue;
    }
    const urls = [`redis://127.0.0.1:${port}`, `rediss://localhost:${tlsPort}`, cert];
    const lines = await runScenario(program, [...RUNTIMES[name].args, join(folder, "scenario.mjs"), ...urls]);
    console.log(lines.map((line) => `${name}: ${line}`).join("\n"));
    const good = lines.filter((line) => line.startsWith("ok ")).length;
    passed += good;
    failed += POINTS - good;
  }
  close();
} finally {
  redis.kill("SIGKILL");
  await once(redis, "exit");
  rmSync(folder, { recursive: true });
}
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** The path of a runtime's program, installed now if it is not in the cache; null where there is none. */
function obtain(name) {
  const runtime = RUNTIMES[name];
  if (name === "node") {
    return process.execPath;
  }
  if (`${process.platform} ${process.arch}` !== "linux x64") {
    return null;
  }
  const place = cacheFolder("runtimes", runtime.package.replaceAll("/", "-"));
  const path = join(place, "node_modules", runtime.package.slice(0, runtime.package.lastIndexOf("@")), runtime.program);
  if (!existsSync(path)) {
    console.log(`tidings: installing ${runtime.package} into ${place}`);
    npm("install", "--prefix", place, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", runtime.package);
  }
  return existsSync(path) ? path : null;
}

async function runScenario(program, words) {
  const child = spawn(program, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  const ended = code === 0 ? "ok the process ends by itself" : `FAIL the process ended with ${code ?? signal}`;
  return [...output.split("\n").filter((line) => line !== ""), ended];
}

/** TLS in front of the server, with a certificate for localhost that is its own authority. */
async function encrypted(target) {
  const { generate } = await import("selfsigned");
  const pem = await generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
    ],
  });
  const proxy = createTlsServer({ cert: pem.cert, key: pem.private }, (client) => {
    const upstream = connect(target, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return { cert: pem.cert, tlsPort: proxy.address().port, close: () => proxy.close() };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address();
  probe.close();
  await once(probe, "close");
  return free;
}

/** Resolves when something listens there. */
async function answering(target) {
  for (;;) {
    const socket = connect(target, "127.0.0.1");
    const open = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) {
      return;
    }
    if (redis.exitCode !== null) {
      fail("the server did not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
