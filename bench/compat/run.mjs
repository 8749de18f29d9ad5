// npm run bench:compat [-- --quick | --runs <n> | --no-build]: what a message costs through the faces of tidings/compat,
// beside a plain consumer.

import { begin } from "../begin.mjs";
import { tidingsModule } from "../build.mjs";
import { keep, spread, toList, toTable } from "../common/figures.mjs";
import { figureOf, inTurns, oneChannel } from "../common/one-channel.mjs";
import { describeMachine } from "../machine.mjs";

const { runs, quick, versions } = begin({ runs: [7, 3] });

const SUBSCRIBER = new URL("subscriber.mjs", import.meta.url).href;
/** What a face may cost of a consumer of the same form. */
const TARGET = 1.3;
/** Each way, and what it is held against. */
const WAYS = {
  consumer: "consumer",
  asIoredis: "consumer",
  asNodeRedis: "consumer",
  "consumer, bytes": "consumer, bytes",
  "asIoredis, bytes": "consumer, bytes",
  "asNodeRedis, bytes": "consumer, bytes",
};

const SCENARIO = oneChannel("compat", quick ? 1_000_000 : 3_000_000, 500_000);

const machine = describeMachine(versions);
const modules = { core: tidingsModule(), compat: tidingsModule("./compat") };
const figures = await inTurns(SCENARIO, Object.keys(WAYS), runs, (source, how) => {
  return figureOf(SUBSCRIBER, source, SCENARIO, { ...modules, how });
});
console.log(`${toList(machine)}\n\n${toText(figures)}\n`);
keep("compat.json", { machine, runs, figures });

function toText(all) {
  const rows = Object.entries(all).map(([name, cpu]) => {
    const ratios = cpu.map((one, run) => one / all[WAYS[name]][run]);
    const median = [...ratios].sort((one, other) => one - other)[Math.floor(ratios.length / 2)];
    return [name, spread(cpu, 3), spread(ratios, 2), median <= TARGET ? "met" : "NOT MET"];
  });
  return `${toTable(["64 B, one channel, replayed", "CPU us per message", "ratio to the consumer", `at most ${TARGET}x`], rows)}

Medians of ${runs} runs, and what they lie between; the ratio is that of one and the same run.`;
}
