import type { Sums } from "./ledger.ts";
import type { Story } from "./outages.ts";
import { count, figures } from "./print.ts";

/** Prints what became of every message. Gives whether it adds up. */
export function summarize({ ledgers, outages }: Story): boolean {
  const perPublisher = Array.from(ledgers.values(), (ledger) => ledger.sums());
  const all = [...perPublisher, perPublisher.reduce(add)];
  const row = (label: string, value: (sums: Sums) => number): void => figures(label, all.map(value).map(count));

  figures("", [...ledgers.keys(), "together"]);
  row("published", (sums) => sums.published);
  row("received", (sums) => sums.received);
  row("missed, inside a reported window", (sums) => sums.unheard + sums.cutOff);
  row("  nobody was subscribed just then", (sums) => sums.unheard);
  row("  sent to the connection that died", (sums) => sums.cutOff);
  row("missed, outside of any window", (sums) => sums.lost);
  row("duplicates", (sums) => sums.duplicates);
  row("out of order", (sums) => sums.outOfOrder);

  console.log();
  for (const [index, duration] of outages.entries()) {
    console.log(`  connection lost, ${index + 1}: restored in ${duration.toFixed(0)} ms`);
  }
  if (outages.length === 0) console.log("  the connection was never lost");
  return all.every(holds);
}

function holds({ published, received, unheard, cutOff, lost, duplicates, outOfOrder }: Sums): boolean {
  return (
    published > 0 && published === received + unheard + cutOff && lost === 0 && duplicates === 0 && outOfOrder === 0
  );
}

function add(a: Sums, b: Sums): Sums {
  return {
    published: a.published + b.published,
    received: a.received + b.received,
    unheard: a.unheard + b.unheard,
    cutOff: a.cutOff + b.cutOff,
    lost: a.lost + b.lost,
    duplicates: a.duplicates + b.duplicates,
    outOfOrder: a.outOfOrder + b.outOfOrder,
  };
}
