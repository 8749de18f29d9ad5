// npm run bench: the benchmarks; npm run bench:cluster and its like: those of a folder of bench. What they print and take is
// told by each run.mjs. They run by tsx, because the servers are those of the tests; what is measured runs by Node alone.

import { installPackages, runBin } from "./setup.mjs";

const [part, ...args] = process.argv.slice(2);
const PROGRAMS = {
  all: ["bench/run.mjs"],
  stages: ["bench/stages.ts", "bench/crossings.ts"],
};

installPackages();
for (const program of PROGRAMS[part] ?? [`bench/${part}/run.mjs`]) {
  process.exitCode ||= runBin("tsx", [program, ...args]);
}
