// npm run test:node -- 26 test/integration: the suite with another version of Node, or with several, one after the other;
// only the files whose path contains one of the further arguments.

import { obtainServer } from "./install-server.mjs";
import { nodeNames, obtainNode } from "./node-versions.mjs";
import { fail, installPackages } from "./setup.mjs";
import { runSuite, totalsText } from "./suite.mjs";

const words = process.argv.slice(2);
const names = words.filter((word) => nodeNames.includes(word));
const args = words.filter((word) => !nodeNames.includes(word));
if (names.length === 0) {
  fail(`name a version of Node: ${nodeNames.join(", ")}`);
}

installPackages();
const server = obtainServer();
if (server.path === undefined) {
  fail(server.reason);
}
const lines = [];
for (const name of names) {
  const { path, reason } = obtainNode(name);
  if (path === undefined) {
    fail(reason);
  }
  console.log(`\n== Node ${name} (${path})`);
  const { ok, totals } = runSuite(args, { server: server.path, node: path });
  lines.push(...(totals?.failures ?? []).map((failure) => `Node ${name}: ${failure}`));
  lines.push(`Node ${name}: ${totalsText(totals)}`);
  if (!ok) {
    process.exitCode = 1;
  }
}
console.log(`\n${lines.join("\n")}`);
