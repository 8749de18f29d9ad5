// npm run bench:memory [-- --seconds <n> | --quick | --only <text> | --no-build]: a publisher that outruns its consumer a
// hundredfold, and how large the consumer's process grows: our policies, one after the other, and the peers.

import { setTimeout as wait } from "node:timers/promises";
import { begin } from "../begin.mjs";
import { drawBars } from "../chart.mjs";
import { Child } from "../child.mjs";
import { keep, median, toList, toTable } from "../common/figures.mjs";
import { describeMachine } from "../machine.mjs";
import { startServer } from "../measure.mjs";
import { note } from "../prepare.mjs";
import { CEILING, CHANNEL, EVERY, LIMIT_BYTES, LINES, PUBLISHED, SIZE, TAKEN } from "./lines.mjs";

const { values, quick, versions } = begin({
  runs: [1, 1],
  options: { seconds: { type: "string" }, only: { type: "string", multiple: true, default: [""] } },
  peers: true,
});
const seconds = Number(values.seconds ?? (quick ? 10 : 60));
if (!Number.isFinite(seconds) || seconds < 8) {
  throw new RangeError("--seconds wants a number of at least 8");
}
const SUBSCRIBER = new URL("subscriber.mjs", import.meta.url).href;
const PACER = new URL("../pacer.mjs", import.meta.url).href;
/** What Redis has by default: a subscriber that leaves more unread is cut. */
const SERVER_LIMIT = "pubsub 33554432 8388608 60";
const MIB = 1024 * 1024;

const machine = describeMachine(versions);
console.log(`${toList(machine)}\n`);
const results = {};
for (const [name, line] of Object.entries(LINES)) {
  if (values.only.some((text) => name.includes(text))) {
    note(`${name}, ${seconds} s`);
    results[name] = await measureLine(line);
  }
}
console.log(`${toText(results)}\n`);
keep("memory.json", { machine, seconds, published: PUBLISHED, taken: TAKEN, size: SIZE, LIMIT_BYTES, results });
// The picture in the documents shows the whole measurement, or nothing new.
const whole = Object.keys(results).length === Object.keys(LINES).length && seconds >= 60;
keep(whole ? "../../docs/images/memory.svg" : "memory.svg", chartOf(results));
if (Object.values(results).some(({ wrong }) => wrong.length > 0)) {
  process.exitCode = 1;
}

/** The largest that each process was. */
function chartOf(all) {
  const bars = Object.entries(all).map(([name, { samples, stopped }]) => {
    const most = Math.max(...samples.map(({ rss }) => rss)) / MIB;
    const text = stopped ? `stopped at ${samples.at(-1).at.toFixed(0)} s` : `${Math.round(most)} MiB`;
    return { label: name, value: Math.min(most, CEILING / MIB), text, ours: name.startsWith("tidings") };
  });
  const title = `Highest resident memory in ${seconds} s: ${TAKEN} of ${PUBLISHED.toLocaleString("en-US")} messages a second are taken`;
  const group = `1 KiB each; tidings with buffer: { limitBytes: ${LIMIT_BYTES / MIB} MiB }, the peers have no bound and are stopped at 1 GiB`;
  const footer = `${machine.CPU}; Node ${machine.Node}. npm run bench:memory`;
  return drawBars({ title, groups: [{ title: group, longest: CEILING / MIB, bars }], footer });
}

async function measureLine({ client, overflow }) {
  const server = await startServer(SERVER_LIMIT);
  const { port, control } = server;
  const subscriber = new Child(SUBSCRIBER, { port, client, overflow }, seconds + 120);
  const publisher = new Child(PACER, { port, channel: CHANNEL, size: SIZE, rate: PUBLISHED }, seconds + 120);
  try {
    await Promise.all([subscriber.next("ready"), publisher.next("ready")]);
    const reports = follow(subscriber);
    const watch = watchServer(control);
    subscriber.send({ type: "start" });
    publisher.send({ type: "publish", messages: Number.MAX_SAFE_INTEGER });
    await Promise.race([wait(seconds * 1000), reports.tooLarge, reports.end]);
    publisher.send({ type: "stop" });
    const { messages: published } = await publisher.next("published");
    const stopped = reports.samples.at(-1).rss > CEILING;
    subscriber.send({ type: "finish" });
    const end = await reports.end;
    const result = { samples: reports.samples, published, stopped, ...end, server: await watch.stop() };
    return { ...result, wrong: differences(result) };
  } finally {
    await Promise.all([subscriber.stop(), publisher.stop()]);
    await server.stop();
  }
}

/** Collects what a subscriber says of itself. */
function follow(subscriber) {
  const samples = [];
  let full = () => {};
  const tooLarge = new Promise((resolve) => {
    full = resolve;
  });
  const read = async () => {
    for (;;) {
      const { type: _, sample, tooLarge: ceiling, ...end } = await subscriber.next("report");
      if (sample === undefined) {
        return end;
      }
      samples.push(sample);
      if (ceiling) {
        full();
      }
    }
  };
  const end = read();
  // It is raced before it is awaited.
  end.catch(() => {});
  return { samples, tooLarge, end };
}

/** What the server holds for the subscriber, and when it cut it: the connection is gone, and much was left unread. */
function watchServer(control) {
  const since = performance.now();
  const seen = { cuts: [], most: 0 };
  let id = null;
  let held = 0;
  let ended = false;
  const look = async () => {
    while (!ended) {
      const list = await control.command("CLIENT", "LIST");
      const line = list.split("\n").find((text) => / sub=1 /.test(text));
      const now = line?.match(/\bid=(\d+)/)?.[1] ?? null;
      if (id !== null && now !== id && held > MIB) {
        seen.cuts.push(Number(((performance.now() - since) / 1000).toFixed(1)));
      }
      id = now;
      held = Number(line?.match(/\bomem=(\d+)/)?.[1] ?? 0);
      seen.most = Math.max(seen.most, held);
      await wait(EVERY);
    }
  };
  const looking = look();
  return {
    async stop() {
      ended = true;
      await looking;
      return seen;
    },
  };
}

/** What does not add up. */
function differences({ published, last, drained, seen, server }) {
  const wrong = [];
  const expect = (what, one, other) => {
    if (one !== other) {
      wrong.push(`${what}: ${one} and ${other}`);
    }
  };
  const { received, delivered, dropped, pending } = last.stats;
  expect("received, and delivered + dropped + pending", received, delivered + dropped + pending);
  expect("delivered, and what the reader counted", drained.delivered, seen.taken);
  // The message that does not fit where the policy is "error" is told by the failure itself.
  expect("dropped, and the sum of gaps and failures", drained.dropped, seen.dropped + seen.failures);
  expect("gaps, and those that were read", drained.gaps, sum(Object.values(seen.causes)));
  if (server.cuts.length === 0 && seen.failures === 0) {
    expect("published, and received", published, drained.received);
  }
  return wrong;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The median of the second that begins there. */
function rssAt(samples, second) {
  return median(samples.filter(({ at }) => at >= second && at < second + 1).map(({ rss }) => rss));
}

function toText(results) {
  const rows = Object.entries(results).map(
    ([name, { samples, published, stopped, last, live, seen, server, wrong }]) => {
      const { received, delivered, dropped, pending } = last.stats;
      const end = samples.at(-1).at;
      const growth = (rssAt(samples, end - 1) - rssAt(samples, 5)) / MIB;
      const causes = Object.entries(seen.causes).map(([cause, count]) => `${count} ${cause}`);
      return [
        name,
        `${Math.round(Math.max(...samples.map(({ rss }) => rss)) / MIB)}${stopped ? ` at ${end.toFixed(0)} s` : ""}`,
        growth.toFixed(0),
        ((live.last - live.first) / MIB).toFixed(1),
        ...[published, received, delivered, dropped, pending].map((count) => count.toLocaleString("en-US")),
        causes.join(", ") || "-",
        server.cuts.length,
        wrong.length > 0 ? wrong.join("; ") : "yes",
      ];
    },
  );
  const head = [
    "consumer",
    "highest RSS MiB",
    "growth MiB",
    "held MiB",
    "published",
    "received",
    "delivered",
    "dropped",
    "pending",
    "gaps",
    "cuts",
    "exact",
  ];
  return `${toTable(head, rows)}\n\n${PUBLISHED.toLocaleString("en-US")} messages of 1 KiB a second, of which the consumer takes ${TAKEN}; it may hold ${LIMIT_BYTES / MIB} MiB. Growth: from
second 5 to the end; garbage that was not collected yet is in it. Held: on the heap in the end, after a full collection. A process that grows larger
than ${CEILING / MIB} MiB is stopped. Cuts: by the server, whose limits are the defaults. Exact: received = delivered + dropped + pending; then all is read, and the reader's own count and the gaps say the same.`;
}
