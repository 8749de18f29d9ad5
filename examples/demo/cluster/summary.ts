import type { TestCluster } from "../../../test/support/redis-cluster.ts";
import { total } from "../ledger.ts";
import { count, say, show } from "../print.ts";
import { summarize } from "../summary.ts";
import type { Pair } from "./pair.ts";

/** Counts at the servers what is subscribed: every channel once, at one node, and nothing else. */
export async function subscriptionsHold(cluster: TestCluster, pairs: readonly Pair[]): Promise<boolean> {
  const counts = (await Promise.all(pairs.map((pair) => pair.subscriptions()))).flatMap((map) => [...map]);
  const wrong = counts.filter(([, subscribed]) => subscribed !== 1);
  const perNode = await Promise.all(
    cluster.living.map(async (node) => {
      const channels = (await node.control.command("PUBSUB", "SHARDCHANNELS")) as string[];
      return { node, held: channels.length };
    }),
  );
  const held = perNode.reduce((sum, it) => sum + it.held, 0);
  say(`Subscriptions at the servers (PUBSUB SHARDNUMSUB): ${held}, wanted: ${counts.length}`);
  show(perNode.map((it) => `node ${it.node.name.slice(1)}: ${it.held}`).join(", "));
  for (const [channel, subscribed] of wrong) show(`${channel} is subscribed ${subscribed} times`);
  return wrong.length === 0 && held === counts.length;
}

/** Prints what became of every message. Gives whether it adds up. */
export function summarizeCluster(pairs: readonly Pair[]): boolean {
  const columns = new Map(pairs.map((pair) => [pair.roles.publisher, pair.sums]));
  const sumsHold = summarize(columns);
  for (const { roles, gaps } of pairs) {
    const causes = [...new Set(gaps.map(({ cause }) => cause))];
    const perCause = causes.map((it) => `${gaps.filter(({ cause }) => cause === it).length} ${it}`);
    const longest = Math.max(0, ...gaps.map(({ from, to }) => to - from));
    console.log(
      `  windows told to ${roles.reader}: ${gaps.length} (${perCause.join(", ")}), the longest ${longest} ms`,
    );
  }
  const { unanswered, inDoubt } = total([...columns.values()]);
  const came = count(unanswered - inDoubt);
  console.log(`  publishes that lost their connection before the answer: ${count(unanswered)}; ${came} of them came`);
  return sumsHold;
}
