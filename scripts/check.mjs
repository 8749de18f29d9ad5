// npm run check: everything that can be said of the code without running it: all check:* scripts of package.json in
// their order. It goes through all of them, then says which failed. Arguments choose: npm run check -- lint types

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, installPackages, npm, root } from "./setup.mjs";

installPackages();

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const all = Object.keys(scripts).filter((name) => name.startsWith("check:"));
const chosen = process.argv.slice(2).map((name) => `check:${name}`);
const unknown = chosen.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  fail(`no such script: ${unknown.join(", ")}; there are ${all.join(", ")}`);
}

const failed = [];
for (const name of chosen.length > 0 ? chosen : all) {
  console.log(`\n== ${name}`);
  if (npm("run", "--silent", name) !== 0) {
    failed.push(name);
  }
}

console.log(failed.length === 0 ? "\ncheck: clean" : `\ncheck: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
