// npm run demo: what tidings does, on a real server and in a real cluster, in less than a minute.
// It ends with 0 only if every message that was published is accounted for.
//
//   REDIS_URL=redis://…        your server for the first act; its other clients are not disturbed. The cluster is always private
//   npm run demo -- --protocol 2     RESP2 instead of RESP3

import { parseArgs } from "node:util";
import { clusterOfSix } from "./cluster/act.ts";
import { oneServer } from "./one-server.ts";
import { bad, good } from "./print.ts";

// The reader of the output went away (npm run demo | head).
process.stdout.on("error", () => process.exit(1));

/** An act gives whether its sums hold, or `null` if there was none. */
function judge(sumsHold: boolean | null): void {
  if (sumsHold === null) return;
  if (sumsHold)
    good("The sums hold: every message that a server took came once and in order, or lies inside a reported window.");
  else bad("The sums do not hold. This is a bug: please report what is printed above.");
  if (!sumsHold) process.exitCode = 1;
}

try {
  const { values } = parseArgs({ options: { protocol: { type: "string", default: "3" } } });
  if (values.protocol !== "2" && values.protocol !== "3") throw new Error("--protocol is 2 or 3");
  const protocol = values.protocol === "2" ? 2 : 3;
  judge(await oneServer(protocol));
  judge(await clusterOfSix(protocol));
} catch (error) {
  bad(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
