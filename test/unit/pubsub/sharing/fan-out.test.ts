import { expect, test } from "vitest";
import { SharedPayload } from "../../../../src/pubsub/model/shared-payload.ts";
import { FanOut } from "../../../../src/pubsub/sharing/fan-out.ts";
import { Entry, type Sink } from "../../../../src/pubsub/subscriptions/entry.ts";
import type { Payload } from "../../../../src/resp/reply.ts";

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
  const fanOut = new FanOut("channel", "a");
  const heard: [string, SharedPayload][] = [];
  const [one, two] = [noting("one", heard), noting("two", heard)];
  fanOut.entries.add(one);
  fanOut.entries.add(two);
  fanOut.message(one, new Counted());
  expect(heard.map(([name]) => name)).toEqual(["one", "two"]);
  expect(heard[0]?.[1]).toBeInstanceOf(SharedPayload);
  expect(heard[0]?.[1]).toBe(heard[1]?.[1]);
});

test("a pattern's message comes with its channel", () => {
  const fanOut = new FanOut("pattern", "a*");
  const heard: unknown[][] = [];
  for (const name of ["one", "two"]) fanOut.entries.add(noting(name, heard));
  fanOut.pmessage(noting("any", []), "ab", new Counted());
  expect(heard.map(([name, channel]) => [name, channel])).toEqual([
    ["one", "ab"],
    ["two", "ab"],
  ]);
});

test("a single share gets the payload as it is", () => {
  const fanOut = new FanOut("channel", "a");
  const heard: unknown[] = [];
  const payload = new Counted();
  fanOut.entries.add(noting("one", heard));
  fanOut.message(noting("any", []), payload);
  expect(heard).toEqual([["one", payload]]);
});

test("who leaves while a message goes round gets it no more", () => {
  const fanOut = new FanOut("channel", "a");
  const heard: [string, unknown][] = [];
  const third = noting("three", heard);
  fanOut.entries.add(noting("one", heard, () => fanOut.entries.delete(third)));
  fanOut.entries.add(noting("two", heard));
  fanOut.entries.add(third);
  fanOut.message(third, new Counted());
  expect(heard.map(([name]) => name)).toEqual(["one", "two"]);
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
  const [first, second] = [{}, {}];
  expect([shared.readBy(first), shared.readBy(null)]).toEqual([false, false]);
  shared.keep(first, undefined);
  expect([shared.readBy(first), shared.data, shared.readBy(second)]).toEqual([true, undefined, false]);
  shared.keep(second, "two");
  for (const [codec, data] of [
    [first, undefined],
    [second, "two"],
    [second, "two"],
    [first, undefined],
  ] as const) {
    expect([shared.readBy(codec), shared.data]).toEqual([true, data]);
  }
});
