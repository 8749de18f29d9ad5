// npm run bench:shared [-- --quick | --runs <n> | --only <part> | --no-build]: many consumers on one connection.

import { parseArgs } from "node:util";
import { tidingsVersion } from "../build.mjs";
import { keep, toList } from "../common/figures.mjs";
import { describeMachine } from "../machine.mjs";
import { startServer } from "../measure.mjs";
import { prepareBuild, preparePeers } from "../prepare.mjs";

const PARTS = {
  consumers: () => import("./parts/consumers.mjs"),
  "fan-out": () => import("./parts/fan-out.mjs"),
  neighbours: () => import("./parts/neighbours.mjs"),
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    only: { type: "string", multiple: true, default: Object.keys(PARTS) },
    "no-build": { type: "boolean", default: false },
  },
});
const runs = Number(values.runs ?? (values.quick ? 2 : 5));
if (!Number.isInteger(runs) || runs < 1) {
  throw new RangeError("--runs wants a number of at least 1");
}

// The cluster is made with a peer.
preparePeers();
const missing = prepareBuild(!values["no-build"]);
if (missing !== null) {
  throw new Error(missing);
}
const server = await startServer();
const machine = describeMachine({ tidings: tidingsVersion(), server: server.version });
const results = { machine, runs };
try {
  console.log(`${toList(machine)}\n`);
  for (const name of values.only) {
    const { title, measureAll, toText } = await PARTS[name]();
    results[name] = await measureAll({ port: server.port, runs, quick: values.quick });
    console.log(`## ${title}\n\n${toText(results[name])}\n`);
  }
} finally {
  await server.stop();
}
keep("shared.json", results);
