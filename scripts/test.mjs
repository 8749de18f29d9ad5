// npm test: all tests, with the coverage thresholds.
// npm test -- test/unit/resp: only the files whose path contains that, or any other arguments of vitest; no coverage.

import { obtainServer } from "./install-server.mjs";
import { fail, installPackages, runBin } from "./setup.mjs";

installPackages();
const { path, reason } = obtainServer();
const env = { TIDINGS_SERVER: path ?? fail(reason) };

const filters = process.argv.slice(2);
if (filters.length === 0) {
  console.log("tidings: all tests; they take about 8 minutes on 2 cores, and start and stop servers of their own");
}
process.exitCode = runBin("vitest", ["run", ...(filters.length > 0 ? filters : ["--coverage"])], env);
