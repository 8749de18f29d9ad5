// npm run fuzz -- --seed N --minutes M --target decoder|engine|topology|cluster: random and spoiled inputs for so long, for each of the
// fuzzed tests. The seed, which is drawn and told where none is given, gives the same inputs again.

import { parseArgs } from "node:util";
import { fail, installPackages, runBin } from "./setup.mjs";

const { values } = parseArgs({
  options: { seed: { type: "string" }, minutes: { type: "string", default: "1" }, target: { type: "string" } },
});
const targets = {
  decoder: "test/property/hostile.test.ts",
  engine: "test/property/engine.test.ts",
  topology: "test/property/topologies.test.ts",
  cluster: "test/property/cluster.test.ts",
};
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30));
const minutes = Number(values.minutes);
if (!Number.isInteger(seed) || seed < 0) {
  fail(`--seed takes an integer from 0, not ${values.seed}`);
}
if (!(minutes > 0)) {
  fail(`--minutes takes a number above 0, not ${values.minutes}`);
}
const files = values.target === undefined ? Object.values(targets) : [targets[values.target]];
if (files.includes(undefined)) {
  fail(`--target takes ${Object.keys(targets).join(" or ")}, not ${values.target}`);
}

installPackages();
const env = { TIDINGS_FUZZ_SEED: String(seed), TIDINGS_FUZZ_MINUTES: String(minutes) };
console.log(`tidings: seed ${seed}, ${minutes} minutes for each test`);
process.exitCode = runBin("vitest", ["run", ...files, "--disable-console-intercept"], env);
