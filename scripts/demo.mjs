// npm run demo: the demonstration, against the built package. It starts its own servers; REDIS_URL may name another one
// for the first act. Where there is no server program and none can be installed, the first act runs on the server of
// tidings/testing, and there is no second, the cluster.

import { ensureBuild } from "./current-build.mjs";
import { obtainServer } from "./install-server.mjs";
import { installPackages, runBin } from "./setup.mjs";

installPackages();
const server = obtainServer();
if (server.path === undefined && !process.env.REDIS_URL) {
  console.log(
    `tidings: ${server.reason}\ntidings: the first act plays on the in-process server of tidings/testing instead`,
  );
}
const env = server.path === undefined ? { TIDINGS_NO_SERVER: server.reason } : { TIDINGS_SERVER: server.path };

const code = ensureBuild();
if (code !== 0) {
  process.exit(code);
}

console.log("tidings: the demonstration; it takes about 40 seconds, and starts and stops servers of its own\n");
// This tsconfig has no path mapping, so "tidings" means the built package here, as it does for users.
const demo = ["--tsconfig", "tsconfig.src.json", "examples/demo/main.ts", ...process.argv.slice(2)];
process.exitCode = runBin("tsx", demo, env);
