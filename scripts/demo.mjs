// npm run demo: the demonstration, against the built package. It starts its own servers; REDIS_URL may name another one
// for the first act, and then a machine without a server program has to do without the second, the cluster.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { obtainServer } from "./install-server.mjs";
import { fail, installPackages, npm, root, runBin } from "./setup.mjs";

installPackages();
const server = obtainServer();
if (server.path === undefined && !process.env.REDIS_URL) {
  fail(server.reason);
}
const env = server.path === undefined ? { TIDINGS_NO_SERVER: server.reason } : { TIDINGS_SERVER: server.path };

const built = modified("dist/index.js");
const sources = readdirSync(join(root, "src"), { recursive: true }).map((path) => join("src", path));
if ([...sources, "package.json", "tsdown.config.ts"].some((path) => modified(path) > built)) {
  const code = npm("run", "--silent", "build");
  if (code !== 0) {
    process.exit(code);
  }
}

console.log("tidings: the demonstration; it takes about 40 seconds, and starts and stops servers of its own\n");
// This tsconfig has no path mapping, so "tidings" means the built package here, as it does for users.
const demo = ["--tsconfig", "tsconfig.src.json", "examples/demo/main.ts", ...process.argv.slice(2)];
process.exitCode = runBin("tsx", demo, env);

function modified(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
