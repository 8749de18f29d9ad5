import { describe, expect, test } from "vitest";
import { BEGINNING } from "../../../../src/core/moment.ts";
import { discard, Entry, type Kind, type LinkState } from "../../../../src/pubsub/subscriptions/entry.ts";
import { inSlotOrder, reconcile } from "../../../../src/pubsub/subscriptions/reconcile.ts";

const link: LinkState = { epoch: 2, ready: true, endpoint: null, since: 0, proof: BEGINNING, markUnclean() {} };

interface State {
  readonly kind?: Kind;
  readonly wanted?: boolean;
  /** What the server was told, and on which connection. */
  readonly told?: "subscribe" | "unsubscribe";
  readonly epoch?: number;
}

function entry(key: string, { kind = "channel", wanted = true, told, epoch = link.epoch }: State = {}): Entry {
  const made = new Entry(kind, key, key, discard);
  made.link = link;
  made.established = wanted;
  if (told !== undefined)
    made.last = { epoch, subscribes: told === "subscribe", restores: false, order: 1, unanswered: null };
  return made;
}

const commands = (entries: Iterable<Entry>, reassert = false): string[] =>
  Array.from(reconcile(entries, reassert), (step) => [step.verb, ...step.entries.map(({ key }) => key)].join(" "));

describe("reconcile", () => {
  test.each<[string, State, string[]]>([
    ["wanted and never asked for: subscribe", {}, ["SUBSCRIBE a"]],
    ["wanted and asked for: nothing", { told: "subscribe" }, []],
    ["wanted and being unsubscribed: subscribe again", { told: "unsubscribe" }, ["SUBSCRIBE a"]],
    ["wanted and asked for on a connection that is lost: subscribe", { told: "subscribe", epoch: 1 }, ["SUBSCRIBE a"]],
    ["unwanted and asked for: unsubscribe", { wanted: false, told: "subscribe" }, ["UNSUBSCRIBE a"]],
    ["unwanted and being unsubscribed: nothing", { wanted: false, told: "unsubscribe" }, []],
    ["unwanted and never asked for: nothing", { wanted: false }, []],
    ["unwanted, asked for on a connection that is lost: nothing", { wanted: false, told: "subscribe", epoch: 1 }, []],
  ])("%s", (_, state, expected) => {
    expect(commands([entry("a", state)])).toEqual(expected);
  });

  test("a command takes no more names when those it has are large", () => {
    const large = Array.from({ length: 4 }, (_, index) => entry(String(index).repeat(8 * 1024 * 1024)));
    expect(Array.from(reconcile([...large, entry("a")]), ({ entries }) => entries.length)).toEqual([2, 2, 1]);
  });

  test("re-asserting sends what is wanted again, and unsubscribes nothing more", () => {
    const entries = [
      entry("a", { told: "subscribe" }),
      entry("b"),
      entry("c", { wanted: false }),
      entry("d", { wanted: false, told: "unsubscribe" }),
    ];
    expect(commands(entries, true)).toEqual(["SUBSCRIBE a b"]);
  });

  test("each kind has commands of its own, names keep their order", () => {
    const entries = [
      entry("p1", { kind: "pattern" }),
      entry("a"),
      entry("c"),
      entry("s1", { kind: "shard" }),
      entry("b", { wanted: false, told: "subscribe" }),
      entry("p2", { kind: "pattern", wanted: false, told: "subscribe" }),
      entry("s2", { kind: "shard", wanted: false, told: "subscribe" }),
    ];
    expect(commands(entries)).toEqual([
      "PSUBSCRIBE p1",
      "SUBSCRIBE a c",
      "SSUBSCRIBE s1",
      "UNSUBSCRIBE b",
      "PUNSUBSCRIBE p2",
      "SUNSUBSCRIBE s2",
    ]);
  });

  test("shard channels of one slot go together once they are in slot order", () => {
    const entries = ["{a}1", "{b}1", "{a}2", "{b}2", "{a}3"].map((name) => entry(name, { kind: "shard" }));
    expect(commands(inSlotOrder(entries))).toEqual(["SSUBSCRIBE {a}1 {a}2 {a}3", "SSUBSCRIBE {b}1 {b}2"]);
  });

  test("an entry that is unsubscribed while the step before is taken is not subscribed any more", () => {
    const names = Array.from({ length: 1001 }, (_, n) => entry(`c${n}`));
    const steps = reconcile(names);
    expect(steps.next().value?.entries).toHaveLength(1000);
    if (names[1000] !== undefined) names[1000].established = false;
    expect(steps.next().done).toBe(true);
  });

  test("many names go out in commands of a bounded size, none lost, none twice", () => {
    const names = Array.from({ length: 2500 }, (_, n) => `c${n}`);
    const steps = [...reconcile(names.map((name) => entry(name)))];
    expect(steps.map(({ entries }) => entries.length)).toEqual([1000, 1000, 500]);
    expect(steps.flatMap(({ entries }) => entries.map(({ key }) => key))).toEqual(names);
  });

  test("nothing to do is no command", () => {
    expect([...reconcile([])]).toEqual([]);
    expect([...reconcile([], true)]).toEqual([]);
  });

  test("it changes nothing", () => {
    const entries = [entry("a"), entry("b", { wanted: false, told: "subscribe" })];
    const before = entries.map(({ last, confirmed, wanted }) => ({ last, confirmed, wanted }));
    expect(commands(entries)).toEqual(commands(entries));
    expect(entries.map(({ last, confirmed, wanted }) => ({ last, confirmed, wanted }))).toEqual(before);
  });
});
