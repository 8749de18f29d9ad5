// npm test: all tests, with the coverage thresholds.
// npm test -- test/unit/resp: only the files whose path contains that, or any other arguments of vitest; no coverage.

import { installPackages, installServer, runBin } from "./setup.mjs";

installPackages();
const env = { TIDINGS_SERVER: installServer() };

const filters = process.argv.slice(2);
process.exitCode = runBin("vitest", ["run", ...(filters.length > 0 ? filters : ["--coverage"])], env);
