import { describe, expect, test } from "vitest";
import { takeMoment } from "../../../../src/core/moment.ts";
import { Backlog } from "../../../../src/pubsub/delivery/backlog.ts";
import { Dropped } from "../../../../src/pubsub/delivery/dropped.ts";
import { Inbox } from "../../../../src/pubsub/delivery/inbox.ts";
import type { Item } from "../../../../src/pubsub/delivery/read-queue.ts";
import { GetReader, NextReader, ReceiveReader } from "../../../../src/pubsub/delivery/readers.ts";
import type { PublishedMessage } from "../../../../src/pubsub/model/message.ts";

const message = (data: unknown): PublishedMessage<unknown, unknown> => ({
  type: "message",
  pattern: null,
  channel: "a",
  data,
});
const confirmation = (data: number): Item => ({ type: "subscribe", pattern: null, channel: "a", data });

/** The link that messages come over. */
const server = { proof: takeMoment() };

/** An inbox that is never full. */
function roomy(): Inbox {
  const limits = { limit: 2 ** 30, limitBytes: 2 ** 40, overflow: "pause" } as const;
  const backlog = new Backlog(limits, { full() {}, room() {} });
  return new Inbox(backlog, { dropping: () => new Dropped({ dropped: 0 }), dropped: () => null, overflowed() {} });
}

/** All that is there, as `getMessage` would see it. */
function shiftAll(inbox: Inbox): unknown[] {
  const seen: unknown[] = [];
  for (let item = inbox.shift(); item !== undefined; item = inbox.shift()) seen.push(item === null ? null : data(item));
  return seen;
}

function data(item: Item): unknown {
  return Reflect.get(item, "data");
}

describe("an inbox that nobody reads", () => {
  test("keeps messages, confirmations and the marks of handlers in their order", () => {
    const inbox = roomy();
    inbox.notice(confirmation(1), 1);
    inbox.handled();
    inbox.push(message("x"), 1, server);
    inbox.handled();
    inbox.handled();
    inbox.push(message("y"), 1, server);
    expect([inbox.pending, inbox.empty]).toEqual([2, false]);
    expect(shiftAll(inbox)).toEqual([1, null, "x", null, null, "y"]);
    expect([inbox.pending, inbox.empty, inbox.shift()]).toEqual([0, true, undefined]);
  });

  test("items alone, past what handlers took", () => {
    const inbox = roomy();
    for (const step of ["h", "h", "x", "h", "y", "h"]) {
      if (step === "h") inbox.handled();
      else inbox.push(message(step), 1, server);
    }
    const seen = [inbox.shiftItem(), inbox.shiftItem(), inbox.shiftItem()];
    expect(seen.map((item) => item && data(item))).toEqual(["x", "y", undefined]);
    expect(inbox.shift()).toBe(undefined);
  });

  test("is empty however many messages handlers took", () => {
    const inbox = roomy();
    for (let n = 0; n < 1000; n++) inbox.handled();
    expect([inbox.empty, inbox.pending]).toEqual([true, 0]);
    expect(shiftAll(inbox)).toEqual(new Array(1000).fill(null));
  });

  test("drops the oldest confirmations when there are too many, counts them, and never a message", () => {
    const inbox = roomy();
    inbox.push(message("first"), 1, server);
    for (let n = 0; n < 70_000; n++) inbox.notice(confirmation(n), 10);
    inbox.push(message("last"), 1, server);
    expect(inbox.droppedNotices).toBeGreaterThanOrEqual(70_000 - 65_536);
    const seen = shiftAll(inbox);
    expect([seen.at(0), seen.at(-1), seen.at(-2)]).toEqual(["first", "last", 69_999]);
    expect(seen.length - 2 + inbox.droppedNotices).toBe(70_000);
    const numbers = seen.slice(1, -1).map(Number);
    expect(numbers).toEqual(Array.from(numbers, (_, n) => inbox.droppedNotices + n));
  });

  test("keeps twice as many confirmations as names are wanted", () => {
    const inbox = roomy();
    for (let n = 0; n < 100_000; n++) inbox.notice(confirmation(n), 50_000);
    expect(inbox.droppedNotices).toBe(0);
    inbox.notice(confirmation(100_000), 50_000);
    expect(inbox.droppedNotices).toBeGreaterThan(0);
  });

  test("a close discards all", () => {
    const inbox = roomy();
    inbox.push(message("x"), 1, server);
    inbox.notice(confirmation(1), 1);
    inbox.handled();
    inbox.close();
    expect([inbox.empty, inbox.pending, inbox.shift()]).toEqual([true, 0, undefined]);
  });
});

describe("readers that wait", () => {
  test("get items in the order of their calls, one each", async () => {
    const inbox = roomy();
    const readers = [new GetReader(false), new ReceiveReader(), new GetReader(false)];
    for (const reader of readers) inbox.wait(reader);
    for (const text of ["1", "2", "3", "4"]) inbox.push(message(text), 1, server);
    expect(await Promise.all(readers.map(async ({ result }) => data((await result) as Item)))).toEqual(["1", "2", "3"]);
    expect([shiftAll(inbox), inbox.awaited]).toEqual([["4"], false]);
  });

  test("a getMessage takes a mark or an ignored confirmation as null, a receive passes them over", async () => {
    const inbox = roomy();
    const [marked, receiving, ignoring] = [new GetReader(false), new ReceiveReader(), new GetReader(true)];
    inbox.wait(marked);
    inbox.handled();
    expect(await marked.result).toBe(null);
    inbox.wait(receiving);
    inbox.handled();
    inbox.notice(confirmation(1), 1);
    inbox.push(message("x"), 1, server);
    expect(await receiving.result).toEqual(message("x"));
    inbox.wait(ignoring);
    inbox.notice(confirmation(2), 1);
    expect(await ignoring.result).toBe(null);
    expect(shiftAll(inbox)).toEqual([]);
  });

  test("one that left gets nothing", () => {
    const inbox = roomy();
    const reader = new GetReader(false);
    inbox.wait(reader);
    inbox.leave(reader);
    inbox.push(message("x"), 1, server);
    expect(shiftAll(inbox)).toEqual(["x"]);
  });

  test("when nothing will come, iterators end and the others wait on", async () => {
    const inbox = roomy();
    const next = new NextReader({ published: true, untilClosed: false }, () => {});
    const stays = [
      new GetReader(false),
      new ReceiveReader(),
      new NextReader({ published: true, untilClosed: true }, () => {}),
    ] as const;
    for (const reader of [next, ...stays]) inbox.wait(reader);
    inbox.idle();
    expect(await next.result).toEqual({ done: true, value: undefined });
    for (const text of ["1", "2", "3"]) inbox.push(message(text), 1, server);
    const [got, received, iterated] = await Promise.all([stays[0].result, stays[1].result, stays[2].result]);
    expect([got, received, iterated]).toEqual([message("1"), message("2"), { done: false, value: message("3") }]);
  });

  test("a close lets all go, a failure tells all its cause and keeps what is there", async () => {
    const closing = roomy();
    const [getting, receiving] = [new GetReader(false), new ReceiveReader()];
    closing.wait(getting);
    closing.wait(receiving);
    closing.close();
    expect(await getting.result).toBe(null);
    await expect(receiving.result).rejects.toMatchObject({ code: "CLOSED" });

    const failing = roomy();
    const cause = new Error("gone");
    const reader = new GetReader(false);
    failing.wait(reader);
    failing.fail(cause);
    failing.push(message("x"), 1, server);
    await expect(reader.result).rejects.toBe(cause);
    expect(shiftAll(failing)).toEqual(["x"]);
  });
});

test("room made among what handlers took hides no message behind it", () => {
  const inbox = roomy();
  for (let i = 0; i < 65_536; i++) {
    inbox.handled();
    inbox.notice({ type: "subscribe", pattern: null, channel: "a", data: 1 }, 1);
  }
  inbox.handled();
  inbox.push({ type: "message", pattern: null, channel: "a", data: "behind" }, 1, server);
  inbox.notice({ type: "subscribe", pattern: null, channel: "a", data: 1 }, 1);
  expect(inbox.droppedNotices).toBeGreaterThan(0);
  const read: unknown[] = [];
  for (let item = inbox.shiftItem(); item !== undefined; item = inbox.shiftItem()) read.push(item.type);
  expect(read.filter((type) => type === "message")).toHaveLength(1);
  expect(read.at(-1)).toBe("subscribe");
});
