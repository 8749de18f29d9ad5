// npm run bench:shared [-- --quick | --runs <n> | --only <part> | --no-build]: many consumers on one connection.

import { begin } from "../begin.mjs";
import { keep, toList } from "../common/figures.mjs";
import { describeMachine } from "../machine.mjs";
import { startServer } from "../measure.mjs";

const PARTS = {
  consumers: () => import("./parts/consumers.mjs"),
  "fan-out": () => import("./parts/fan-out.mjs"),
  neighbours: () => import("./parts/neighbours.mjs"),
};

const { values, runs, quick, versions } = begin({
  runs: [5, 2],
  options: { only: { type: "string", multiple: true, default: Object.keys(PARTS) } },
});
const server = await startServer();
const machine = describeMachine({ ...versions, server: server.version });
const results = { machine, runs };
try {
  console.log(`${toList(machine)}\n`);
  for (const name of values.only) {
    const { title, measureAll, toText } = await PARTS[name]();
    results[name] = await measureAll({ server, runs, quick });
    console.log(`## ${title}\n\n${toText(results[name])}\n`);
  }
} finally {
  await server.stop();
}
keep("shared.json", results);
