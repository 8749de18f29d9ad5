import { handling } from "./handling.ts";
import { outages } from "./outages.ts";
import { say, title } from "./print.ts";
import { reading } from "./reading.ts";
import { openStage, type Protocol } from "./stage.ts";
import { summarize } from "./summary.ts";

/** The first act: one server. Gives whether the sums hold. */
export async function oneServer(protocol: Protocol): Promise<boolean> {
  await using stage = await openStage(process.env.REDIS_URL, protocol);
  say(`The server: ${stage.about}`);

  title("1. Channels, patterns, and ways to read");
  await reading(stage);

  title("2. Handlers");
  await handling(stage);

  title("3. Two publishers at full speed, and a connection that is killed");
  const story = await outages(stage);

  title("What became of every message");
  const sumsHold = summarize(new Map(Array.from(story.ledgers, ([name, ledger]) => [name, ledger.sums()])));
  for (const [index, duration] of story.outages.entries()) {
    console.log(`  connection lost, ${index + 1}: restored in ${duration.toFixed(0)} ms`);
  }
  if (story.outages.length > 0) {
    console.log(
      "  Why so many are missing: the publishers never stop, and Pub/Sub keeps nothing for a subscriber that is away.",
    );
    console.log("  Several 100,000 messages a second times the milliseconds until it was back are the number above.");
  }
  if (story.outages.length === 0) console.log("  the connection was never lost");
  return sumsHold;
}
