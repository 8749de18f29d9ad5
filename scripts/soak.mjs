// npm run soak -- --seed N --minutes M --only server|cluster: random faults against servers of its own, judged all the time. The seed, which is
// drawn and told where none is given, plays the same faults in the same order again.

import { parseArgs } from "node:util";
import { requireServer } from "./find-server.mjs";
import { fail, installPackages, runBin } from "./setup.mjs";

const { values } = parseArgs({
  options: { seed: { type: "string" }, minutes: { type: "string", default: "2" }, only: { type: "string" } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30));
const minutes = Number(values.minutes);
if (!Number.isInteger(seed) || seed < 0) {
  fail(`--seed takes an integer from 0, not ${values.seed}`);
}
if (!(minutes > 0)) {
  fail(`--minutes takes a number above 0, not ${values.minutes}`);
}

installPackages();
const env = {
  TIDINGS_SERVER: requireServer(),
  TIDINGS_SOAK_SEED: String(seed),
  TIDINGS_SOAK_MINUTES: String(minutes),
};
console.log(`tidings: seed ${seed}, ${minutes} minutes`);
process.exitCode = runBin(
  "vitest",
  ["run", "test/faults/soak.test.ts", ...(values.only ? ["-t", values.only] : []), "--disable-console-intercept"],
  env,
);
