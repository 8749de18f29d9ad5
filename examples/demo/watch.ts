import type { PubSub } from "tidings";
import type { Ledger } from "./ledger.ts";
import { clock, say, show } from "./print.ts";

/** What is seen of a consumer whose connection comes and goes. */
export interface Watch {
  /** Milliseconds from each loss until every subscription was confirmed again. */
  readonly outages: readonly number[];
  /** Rejects if the consumer fails; ends when it is closed. */
  readonly ended: Promise<void>;
}

/** Tells the ledgers of reported gaps, and prints what happens to the connection. */
export function watch(consumer: PubSub, ledgers: ReadonlyMap<string, Ledger>, short: (name: string) => string): Watch {
  const outages: number[] = [];
  let lostAt: number | null = null;

  consumer.on("state", (state) => {
    if (state === "reconnecting") {
      lostAt = performance.now();
      say("The connection is lost. tidings reconnects and subscribes again by itself");
    } else if (state === "live" && lostAt !== null) {
      const duration = performance.now() - lostAt;
      lostAt = null;
      outages.push(duration);
      say(`Everything is restored, in ${duration.toFixed(0)} ms`);
    }
  });

  // One for each command that restores: here one for the channel, one for the pattern.
  consumer.on("gap", (gap) => {
    for (const name of [...gap.channels, ...gap.patterns].map(String)) {
      ledgers.get(name)?.gap(gap);
      show(`gap: messages of ${short(name)} may be missing, from ${clock(gap.from)} to ${clock(gap.to)}`);
    }
  });

  // Handlers take the messages, so what is left to read are the confirmations: the first ones, and those of each restore.
  const readConfirmations = async (): Promise<void> => {
    for await (const { type, channel } of consumer) show(`${type} ${short(channel)}: confirmed by the server`);
  };
  const ended = readConfirmations();
  ended.catch(() => {}); // told where `ended` is awaited
  return { outages, ended };
}
