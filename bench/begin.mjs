// What the benchmarks of the folders begin with: their options, the peers and the build.

import { parseArgs } from "node:util";
import { tidingsVersion } from "./build.mjs";
import { prepareBuild, preparePeers } from "./prepare.mjs";

/**
 * Reads --quick, --runs, --no-build and the options of one benchmark; installs the peers and builds as need be.
 * @param {{ runs: [usual: number, quick: number], options?: import("node:util").ParseArgsOptionsConfig, peers?: boolean }} wanted
 */
export function begin({ runs: [usual, quick], options = {}, peers = false }) {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      runs: { type: "string" },
      "no-build": { type: "boolean", default: false },
      ...options,
    },
  });
  const runs = Number(values.runs ?? (values.quick ? quick : usual));
  if (!Number.isInteger(runs) || runs < 1) {
    throw new RangeError("--runs wants a number of at least 1");
  }
  const versions = peers ? preparePeers() : {};
  const missing = prepareBuild(!values["no-build"]);
  if (missing !== null) {
    throw new Error(missing);
  }
  return { values, runs, quick: values.quick, versions: { tidings: tidingsVersion(), ...versions } };
}
