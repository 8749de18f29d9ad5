import { type Sums, total } from "./ledger.ts";
import { count, figures } from "./print.ts";

/** Prints what became of every message, a column for each of the sums. Gives whether all of them add up. */
export function summarize(columns: ReadonlyMap<string, Sums>): boolean {
  const all = [...columns.values(), total([...columns.values()])];
  const row = (label: string, value: (sums: Sums) => number): void => figures(label, all.map(value).map(count));

  figures("", [...columns.keys(), "together"]);
  row("published", (sums) => sums.published);
  row("received", (sums) => sums.received);
  row("missed, inside a reported window", (sums) => sums.unheard + sums.cutOff);
  row("  nobody was subscribed just then", (sums) => sums.unheard);
  row("  sent to the connection that died", (sums) => sums.cutOff);
  row("missed, the publish had no answer", (sums) => sums.inDoubt);
  row("missed, outside of any window", (sums) => sums.lost);
  row("duplicates", (sums) => sums.duplicates);
  row("out of order", (sums) => sums.outOfOrder);
  console.log();
  return all.every(holds);
}

function holds({ published, received, unheard, cutOff, inDoubt, lost, duplicates, outOfOrder }: Sums): boolean {
  return (
    published > 0 &&
    published === received + unheard + cutOff + inDoubt &&
    lost === 0 &&
    duplicates === 0 &&
    outOfOrder === 0
  );
}
