// npm run bench:stages: what each step of a message costs inside the process: bench/stages.ts.

import { installPackages, runBin } from "./setup.mjs";

installPackages();
process.exitCode = runBin("tsx", ["bench/stages.ts"]) || runBin("tsx", ["bench/crossings.ts"]);
