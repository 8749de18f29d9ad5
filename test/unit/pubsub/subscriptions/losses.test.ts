import { beforeEach, describe, expect, test } from "vitest";
import type { Moment } from "../../../../src/core/moment.ts";
import { discard, Entry } from "../../../../src/pubsub/subscriptions/entry.ts";
import { Losses } from "../../../../src/pubsub/subscriptions/losses.ts";

/** A shard channel that the connection of this epoch had confirmed; 0 for none. */
function entryOf(name: string, confirmed: number): Entry {
  const entry = new Entry("shard", name, name, discard);
  entry.confirmed = confirmed;
  return entry;
}

const at = (time: number): Moment => ({ wall: time, monotonic: time });

let losses: Losses;
beforeEach(() => {
  losses = new Losses();
});

const ended = (...entries: Entry[]) =>
  losses
    .end(entries)
    .map(({ cause, since, entries: missed }) => [cause, since.monotonic, missed.map(({ key }) => key).join()]);

describe("a lost connection", () => {
  test("interrupts what it had confirmed, and nothing else", () => {
    const [a, b, never, other] = [entryOf("a", 1), entryOf("b", 1), entryOf("never", 0), entryOf("other", 2)];
    losses.connection(1, { cause: "disconnected", since: at(100) });
    expect(ended(a, never, b, other)).toEqual([["disconnected", 100, "a,b"]]);
  });

  test("counts until the entry is confirmed by another", () => {
    const a = entryOf("a", 1);
    losses.connection(1, { cause: "disconnected", since: at(100) });
    // The next connection is lost before it has confirmed anything.
    losses.connection(2, { cause: "disconnected", since: at(200) });
    expect(ended(a)).toEqual([["disconnected", 100, "a"]]);
    a.confirmed = 3;
    expect(ended(a)).toEqual([]);
  });

  test("several lost in different places are one record, from the earliest", () => {
    losses.connection(1, { cause: "disconnected", since: at(300) });
    losses.connection(2, { cause: "disconnected", since: at(200) });
    expect(ended(entryOf("a", 1), entryOf("b", 2))).toEqual([["disconnected", 200, "a,b"]]);
  });
});

describe("a single loss", () => {
  test("interrupts one entry, once", () => {
    const [a, b] = [entryOf("a", 1), entryOf("b", 1)];
    expect(losses.entry(a, { cause: "moved", since: at(100) })).toBe(true);
    expect(losses.entry(a, { cause: "moved", since: at(200) })).toBe(false);
    expect(ended(a, b)).toEqual([["moved", 100, "a"]]);
    expect(ended(a)).toEqual([]);
  });

  test("is none where nothing was confirmed, or the connection is lost already", () => {
    expect(losses.entry(entryOf("never", 0), { cause: "moved", since: at(100) })).toBe(false);
    losses.connection(1, { cause: "disconnected", since: at(50) });
    const a = entryOf("a", 1);
    expect(losses.entry(a, { cause: "moved", since: at(100) })).toBe(false);
    expect(ended(a)).toEqual([["disconnected", 50, "a"]]);
  });

  test("keeps its cause and its beginning when the connection is lost on top of it", () => {
    const a = entryOf("a", 1);
    losses.entry(a, { cause: "moved", since: at(100) });
    losses.connection(1, { cause: "disconnected", since: at(150) });
    expect(ended(a)).toEqual([["moved", 100, "a"]]);
  });

  test("of each cause is a record of its own", () => {
    const [a, b, c] = [entryOf("a", 1), entryOf("b", 2), entryOf("c", 3)];
    losses.entry(a, { cause: "moved", since: at(100) });
    losses.entry(b, { cause: "stale", since: at(50) });
    losses.connection(3, { cause: "disconnected", since: at(70) });
    expect(ended(a, b, c)).toEqual([
      ["moved", 100, "a"],
      ["stale", 50, "b"],
      ["disconnected", 70, "c"],
    ]);
  });

  test("is forgotten with its entry", () => {
    const a = entryOf("a", 1);
    losses.entry(a, { cause: "moved", since: at(100) });
    losses.forget(a);
    expect(ended(a)).toEqual([]);
  });
});

test("once all is restored a lost connection is forgotten, but for those that wait for it", () => {
  const [a, denied] = [entryOf("a", 1), entryOf("denied", 2)];
  losses.connection(1, { cause: "disconnected", since: at(100) });
  losses.connection(2, { cause: "disconnected", since: at(200) });
  losses.settled([denied]);
  expect(ended(a)).toEqual([]);
  expect(ended(denied)).toEqual([["disconnected", 200, "denied"]]);
});
