// What the figures are held against. A target is a row of TARGETS with a check; a check gives what is shown and whether it
// holds, or null where something that it needs was not measured.

import { MAIN, SMALL } from "./scenarios.mjs";

/**
 * @typedef {object} Checked
 * @property {string} ours
 * @property {string} beside what it is held against
 * @property {string} ratio
 * @property {boolean} met
 */

/**
 * @typedef {object} Target
 * @property {string} what
 * @property {string} target as it is shown
 * @property {(figures: import("./figures.mjs").Figures) => Checked | null} check
 */

/** What is not to be told apart from noise, where nothing more is wanted than to be no worse. */
const NOISE = 1.05;

const micros = (value) => `${value.toFixed(value < 10 ? 2 : 1)} us`;
const whole = (unit) => (value) => `${Math.round(value).toLocaleString("en-US")}${unit}`;
const times = (value) => `${value.toFixed(value < 10 ? 2 : 1)}x`;

/** The best of some kinds of clients. */
const best = (scenario, key, kinds, most) => (figures) => figures.ranked(scenario, key, { kinds, most })[0] ?? null;
const one = (scenario, name, key) => (figures) => {
  const value = figures.of(scenario, name, key);
  return value === null ? null : { name, value };
};

/** Ours is to be so many times smaller than the other's (`most`: larger). @returns {Target} */
function better(what, ours, other, factor, { show = micros, target = `at least ${factor}x`, most = false } = {}) {
  return {
    what,
    target,
    check: (figures) => {
      const [mine, theirs] = [ours(figures), other(figures)];
      if (mine === null || theirs === null) {
        return null;
      }
      const ratio = most ? mine.value / theirs.value : theirs.value / mine.value;
      const beside = `${theirs.name} ${show(theirs.value)}`;
      return { ours: show(mine.value), beside, ratio: times(ratio), met: ratio >= factor };
    },
  };
}

/** Ours is to be at most so many times the other's. @returns {Target} */
function atMost(what, ours, other, factor, { show = micros, target = `at most ${factor}x` } = {}) {
  return {
    what,
    target,
    check: (figures) => {
      const [mine, theirs] = [ours(figures), other(figures)];
      if (mine === null || theirs === null) {
        return null;
      }
      const ratio = mine.value / theirs.value;
      const beside = `${theirs.name} ${show(theirs.value)}`;
      return { ours: show(mine.value), beside, ratio: times(ratio), met: ratio <= factor };
    },
  };
}

/** A figure of ours that has a bound of its own. @returns {Target} */
function bounded(what, ours, most, show) {
  return {
    what,
    target: `at most ${show(most)}`,
    check: (figures) => {
      const mine = ours(figures);
      return mine === null ? null : { ours: show(mine.value), beside: "", ratio: "", met: mine.value <= most };
    },
  };
}

const cpu = (scenario, name = "tidings") => one(scenario, name, "cpu");
const bestNode = (scenario) => best(scenario, "cpu", ["node"]);
const called = (name, get) => (figures) => {
  const found = get(figures);
  return found === null ? null : { ...found, name };
};

/** Nobody is cheaper than we, in any of these; shown is where it is closest. @returns {Target} */
function nobodyCheaper(what, scenarios, peers) {
  return {
    what,
    target: "none dearer",
    check: (figures) => {
      const found = scenarios.flatMap((scenario) => {
        const mine = figures.of(scenario, "tidings", "cpu");
        const theirs = figures.ranked(scenario, "cpu", { kinds: ["node", "other"] }).find(({ name }) => peers(name));
        return mine === null || theirs === undefined ? [] : [{ scenario, mine, theirs, ratio: theirs.value / mine }];
      });
      const [closest] = found.sort((a, b) => a.ratio - b.ratio);
      if (closest === undefined) {
        return null;
      }
      const { scenario, mine, theirs, ratio } = closest;
      const beside = `${theirs.name} ${micros(theirs.value)} (${scenario})`;
      return { ours: micros(mine), beside, ratio: times(ratio), met: ratio >= 1 };
    },
  };
}

/**
 * No worse than the peer in Node whose median is the best: 5 % are noise, and so is what its own runs reach in a quarter
 * of the cases.
 * @returns {Target}
 */
function noLater(scenario, key) {
  return {
    what: `${scenario}: ${key}`,
    target: "no worse",
    check: (figures) => {
      const mine = figures.of(scenario, "tidings", key);
      const [peer] = figures.ranked(scenario, "p50", { kinds: ["node"] });
      if (mine === null || peer === undefined) {
        return null;
      }
      const theirs = figures.of(scenario, peer.name, key);
      const bound = Math.max(theirs * NOISE, figures.of(scenario, peer.name, key, 0.75));
      const show = whole(" us");
      return {
        ours: show(mine),
        beside: `${peer.name} ${show(theirs)}`,
        ratio: times(mine / theirs),
        met: mine <= bound,
      };
    },
  };
}

/** What is wanted on Node 20, and on the newer ones, where the peers gain most from the engine. */
const NEWER = Number.parseInt(process.versions.node, 10) >= 24;
const onNode = (old, newer) => (NEWER ? newer : old);

const OTHERS = ["64 B, UTF-8", "16 B", "1 KiB", "64 B, pattern", "64 B, sharded", "64 B, bytes", "64 B, RESP2"];
const ITERATORS = "64 B, iterators";
const MANY = "100,000 subscriptions";
const PUBLISH = "publish, 64 B";

/** The best of the peers in Node and of Bun. */
const bestPeer = (scenario) => (figures) =>
  figures.ranked(scenario, "cpu", { kinds: ["node", "other"] }).find(({ name }) => name !== "hiredis") ?? null;

const milliseconds = whole(" ms");
const perSecond = whole("/s");

const kind = (name) => `${MAIN}, ${name}`;
const BURSTS = [1, 10, 100].map((burst) => kind(`bursts of ${burst}`));

/** @type {readonly Target[]} */
const TARGETS = [
  better(MAIN, cpu(MAIN), cpu(MAIN, "node-redis"), onNode(2, 1.9)),
  ...(NEWER ? [] : [better(MAIN, cpu(MAIN), cpu(MAIN, "ioredis"), 3.5)]),
  better(MAIN, cpu(MAIN), cpu(MAIN, "Bun"), 1, { target: "cheaper" }),
  better(kind("JSON parsed"), cpu(kind("JSON parsed")), cpu(kind("JSON parsed"), "node-redis"), 1.4),
  atMost(
    kind("2 in 1,000 beyond ASCII"),
    cpu(kind("2 in 1,000 beyond ASCII")),
    called("all ASCII", cpu(kind("all ASCII"))),
    1.1,
  ),
  ...[
    "names beyond ASCII",
    "RESP2",
    "pattern",
    "one channel",
    "all ASCII",
    "all beyond ASCII",
    "accents only",
    "Chinese and Japanese only",
  ].map((name) => better(kind(name), cpu(kind(name)), cpu(kind(name), "node-redis"), 1.7)),
  ...BURSTS.map((name) => better(name, cpu(name), cpu(name, "node-redis"), 2)),
  atMost(
    kind("shared: CPU per delivery"),
    cpu(kind("shared"), "tidings, shared"),
    called("one consumer", cpu(kind("shared"))),
    1.3,
  ),
  better(`${SMALL}: CPU per message`, cpu(SMALL), cpu(SMALL, "node-redis"), onNode(4, 3.5)),
  better(`${SMALL}: CPU per message`, cpu(SMALL), cpu(SMALL, "ioredis"), 10),
  better(`${SMALL}: CPU per message`, cpu(SMALL), cpu(SMALL, "Bun"), 3),
  better(`${SMALL}: CPU per message`, cpu(SMALL), cpu(SMALL, "valkey-glide"), 30),
  better(`${SMALL}: CPU per message`, cpu(SMALL), cpu(SMALL, "hiredis"), 1, { target: "cheaper" }),
  {
    what: `${SMALL}: CPU per message`,
    target: "at most 0.25 us more",
    check: (figures) => {
      const [mine, limit] = [figures.of(SMALL, "tidings", "cpu"), figures.of(SMALL, "raw", "cpu")];
      if (mine === null || limit === null) {
        return null;
      }
      const more = mine - limit;
      return {
        ours: micros(mine),
        beside: `raw socket ${micros(limit)}`,
        ratio: `+${micros(more)}`,
        met: more <= 0.25,
      };
    },
  },
  better("for await", cpu(ITERATORS, "tidings, for await"), cpu(ITERATORS, "node-redis"), 2),
  better("batches()", cpu(ITERATORS, "tidings, batches"), cpu(ITERATORS, "node-redis"), 3.5),
  ...OTHERS.map((scenario) =>
    better(scenario, cpu(scenario), bestNode(scenario), scenario === "64 B, UTF-8" ? onNode(2, 1.8) : 2),
  ),
  better("16 KiB", cpu("16 KiB"), bestNode("16 KiB"), onNode(1.3, 1.5)),
  nobodyCheaper("these eight, beside every client in JavaScript", [...OTHERS, "16 KiB"], (name) => name !== "hiredis"),
  nobodyCheaper("these eight, beside C", [...OTHERS, "16 KiB"], (name) => name === "hiredis"),
  ...[
    ["64 B, 100 channels", 1.5],
    ["64 B, 10,000 channels", 2.5],
  ].flatMap(([scenario, factor]) => [
    atMost(scenario, cpu(scenario), called("one channel", cpu(SMALL)), factor),
    better(scenario, cpu(scenario), bestPeer(scenario), 2),
  ]),
  better("publish, 1,000 in flight", one(PUBLISH, "tidings", "rate"), best(PUBLISH, "rate", ["node"], true), 5, {
    show: perSecond,
    most: true,
  }),
  better("publish, 1,000 in flight", one(PUBLISH, "tidings", "rate"), one(PUBLISH, "Bun", "rate"), 0.9, {
    show: perSecond,
    most: true,
  }),
  ...["subscribe", "restore"].map((key) =>
    atMost(`${MANY}: ${key}`, one(MANY, "tidings", key), called("raw socket", one(MANY, "raw", key)), 1.5, {
      show: milliseconds,
    }),
  ),
  bounded(`${MANY}: heap of each`, one(MANY, "tidings", "heap"), 150, whole(" bytes")),
  ...["latency, idle", "latency, half load"].flatMap((scenario) => [
    noLater(scenario, "p50"),
    noLater(scenario, "p99"),
  ]),
  atMost(
    "taking from a queue of 1,000,000",
    cpu("queue", "tidings, queue of 1,000,000"),
    called("of 1,000", cpu("queue", "tidings, queue of 1,000")),
    3,
  ),
  ...[
    ["installed size", "size", whole(" KiB")],
    ["dependencies", "packages", whole("")],
    ["time to import", "import", (value) => `${value.toFixed(1)} ms`],
  ].map(([what, key, show]) => ({
    ...atMost(what, one("package", "tidings", key), best("package", key, ["node"]), 1, {
      show,
      target: "less than both",
    }),
  })),
];

/**
 * What has become of each target; null: not measured.
 * @param {import("./figures.mjs").Figures} figures
 * @returns {{ what: string, target: string, checked: Checked | null }[]}
 */
export function checkTargets(figures) {
  return TARGETS.map(({ what, target, check }) => ({ what, target, checked: check(figures) }));
}
