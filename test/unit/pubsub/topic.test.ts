import { expect, test } from "vitest";
import { Entry, type Sink } from "../../../src/pubsub/entry.ts";
import { SharedPayload, Topic } from "../../../src/pubsub/topic.ts";
import type { Payload } from "../../../src/resp/reply.ts";

/** A payload that counts how often it is read. */
class Counted implements Payload {
  readonly byteLength = 4;
  texts = 0;
  copies = 0;

  text(): string {
    this.texts++;
    return "text";
  }

  bytes(): Buffer {
    this.copies++;
    return Buffer.from("text");
  }
}

/** An entry that notes what it is given. */
function noting(name: string, heard: unknown[], and: () => void = () => {}): Entry {
  const sink: Sink = {
    message: (entry, payload) => {
      heard.push([entry.name, payload]);
      and();
    },
    pmessage: (entry, channel, payload) => heard.push([entry.name, channel, payload]),
  };
  return new Entry("channel", "a", name, sink);
}

test("each share gets what arrives, as its own entry, in the order of their joining", () => {
  const topic = new Topic<string>("channel", "a");
  const heard: [string, SharedPayload][] = [];
  const [one, two] = [noting("one", heard), noting("two", heard)];
  topic.add("x", one);
  topic.add("y", two);
  topic.message(one, new Counted());
  expect(heard.map(([name]) => name)).toEqual(["one", "two"]);
  expect(heard[0]?.[1]).toBeInstanceOf(SharedPayload);
  expect(heard[0]?.[1]).toBe(heard[1]?.[1]);
});

test("a pattern's message comes with its channel", () => {
  const topic = new Topic<string>("pattern", "a*");
  const heard: unknown[][] = [];
  for (const name of ["one", "two"]) topic.add(name, noting(name, heard));
  topic.pmessage(noting("any", []), "ab", new Counted());
  expect(heard.map(([name, channel]) => [name, channel])).toEqual([
    ["one", "ab"],
    ["two", "ab"],
  ]);
});

test("a single share gets the payload as it is", () => {
  const topic = new Topic<string>("channel", "a");
  const heard: unknown[] = [];
  const payload = new Counted();
  topic.add("x", noting("one", heard));
  topic.message(noting("any", []), payload);
  expect(heard).toEqual([["one", payload]]);
});

test("an entry has one share, and may give it back once", () => {
  const topic = new Topic<string>("channel", "a");
  const entry = noting("one", []);
  topic.add("x", entry);
  topic.add("x", entry);
  expect(topic.shares).toEqual([{ member: "x", entry }]);
  expect([topic.delete(entry), topic.delete(entry), topic.shares]).toEqual([true, false, []]);
});

test("who joins while a message goes round gets the next one", () => {
  const topic = new Topic<string>("channel", "a");
  const heard: [string, unknown][] = [];
  const late = noting("late", heard);
  topic.add(
    "x",
    noting("one", heard, () => topic.add("z", late)),
  );
  topic.add("y", noting("two", heard));
  topic.message(late, new Counted());
  expect(heard.map(([name]) => name)).toEqual(["one", "two"]);
  topic.message(late, new Counted());
  expect(heard.slice(2).map(([name]) => name)).toEqual(["one", "two", "late"]);
});

test("a shared payload is read once in each form, and decoded once for each codec", () => {
  const payload = new Counted();
  const shared = new SharedPayload(payload);
  expect([shared.byteLength, shared.text(), shared.text(), shared.bytes(), shared.bytes()]).toEqual([
    4,
    "text",
    "text",
    Buffer.from("text"),
    Buffer.from("text"),
  ]);
  expect([payload.texts, payload.copies]).toEqual([1, 1]);
  const calls: string[] = [];
  const decode = (name: string) => () => {
    calls.push(name);
    return undefined;
  };
  const [first, second] = [{}, {}];
  for (const [codec, name] of [
    [first, "first"],
    [second, "second"],
    [first, "first"],
    [second, "second"],
  ] as const) {
    shared.once(codec, decode(name));
  }
  expect(calls).toEqual(["first", "second"]);
});

test("what decoding throws, every consumer is told", () => {
  const shared = new SharedPayload(new Counted());
  const codec = {};
  for (let i = 0; i < 2; i++) {
    expect(() =>
      shared.once(codec, () => {
        throw new RangeError("no");
      }),
    ).toThrow(RangeError);
  }
});
