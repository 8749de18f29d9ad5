// npm run demo: what tidings does, on a real server, in about twenty seconds.
// It ends with 0 only if every message that was published is accounted for.
//
//   REDIS_URL=redis://…        your server instead of a private one; nobody else on it is disturbed
//   npm run demo -- --protocol 2     RESP2 instead of RESP3

import { parseArgs } from "node:util";
import { handling } from "./handling.ts";
import { outages } from "./outages.ts";
import { bad, good, say, title } from "./print.ts";
import { reading } from "./reading.ts";
import { openStage } from "./stage.ts";
import { summarize } from "./summary.ts";

// An ordered end: what runs at "exit" stops the private server.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(signal, () => process.exit(code));
}
// The reader of the output went away (npm run demo | head).
process.stdout.on("error", () => process.exit(1));

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { protocol: { type: "string", default: "3" } } });
  if (values.protocol !== "2" && values.protocol !== "3") throw new Error("--protocol is 2 or 3");

  await using stage = await openStage(process.env.REDIS_URL, values.protocol === "2" ? 2 : 3);
  say(`The server: ${stage.about}`);

  title("1. Channels, patterns, and ways to read");
  await reading(stage);

  title("2. Handlers");
  await handling(stage);

  title("3. Two publishers at full speed, and a connection that is killed");
  const story = await outages(stage);

  title("What became of every message");
  return summarize(story);
}

try {
  const sumsHold = await main();
  if (sumsHold) good("The sums hold: every message came once and in order, or lies inside a reported window.");
  else bad("The sums do not hold. This is a bug: please report what is printed above.");
  process.exitCode = sumsHold ? 0 : 1;
} catch (error) {
  bad(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
