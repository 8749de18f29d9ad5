import { AsyncResource } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { Backlog } from "../../../../src/pubsub/delivery/backlog.ts";
import { Dropped } from "../../../../src/pubsub/delivery/dropped.ts";
import {
  type AnyHandler,
  type AnyPublished,
  type HandlerHost,
  type HandlerQueue,
  HandlerSink,
  queueIdOf,
} from "../../../../src/pubsub/delivery/handler.ts";
import { Registration } from "../../../../src/pubsub/delivery/reports.ts";
import { discard, Entry } from "../../../../src/pubsub/subscriptions/entry.ts";
import type { Payload } from "../../../../src/resp/reply.ts";
import { eventually } from "../../../support/eventually.ts";

const payload = (text: string): Payload => ({
  byteLength: text.length,
  text: () => text,
  bytes: () => Buffer.from(text),
});

const registered = { context: new AsyncResource("test"), registration: new Registration(() => {}) };

/** A host that notes what it is told; payloads that begin with "!" are refused. */
class Host implements HandlerHost {
  readonly failures: unknown[] = [];
  readonly busyQueues = new Set<HandlerQueue>();
  readonly backlog = new Backlog({ limit: 100, limitBytes: 1000, overflow: "pause" }, { full() {}, room() {} });
  marks = 0;

  dropping(): Dropped {
    return new Dropped({ dropped: 0 });
  }

  droppedBehindHandler(): void {}
  overflowed(): void {}

  readonly decoding = {
    message(entry: Entry, { text }: Payload, channel: string | null): AnyPublished | null {
      const given = text();
      if (given.startsWith("!")) return null;
      return channel === null
        ? { type: "message", pattern: null, channel: entry.name, data: given }
        : { type: "pmessage", pattern: entry.name, channel, data: given };
    },
  };

  handled(): void {
    this.marks++;
  }

  handlerFailed(_message: AnyPublished, error: unknown): void {
    this.failures.push(error);
  }

  queueOf(entry: Entry): HandlerQueue | null {
    return [...this.busyQueues].find((queue) => queue.id === queueIdOf(entry)) ?? null;
  }

  busy(queue: HandlerQueue): void {
    this.busyQueues.add(queue);
  }

  idle(queue: HandlerQueue): void {
    this.busyQueues.delete(queue);
  }
}

/** A channel with a handler; `send` is what the link does with a message. */
class Channel {
  readonly host = new Host();
  readonly entry = new Entry("channel", "a", "a", discard);

  register(handler: AnyHandler): void {
    this.entry.sink = new HandlerSink(this.host, handler, registered);
  }

  send(...texts: string[]): void {
    for (const text of texts) this.entry.sink.message(this.entry, payload(text));
  }
}

/** An async handler whose calls end when they are told to. */
class Manual {
  readonly begun: unknown[] = [];
  readonly #ends: (() => void)[] = [];

  readonly handler: AnyHandler = ({ data }) => {
    this.begun.push(data);
    return new Promise<void>((resolve) => this.#ends.push(resolve));
  };

  end(): void {
    this.#ends.shift()?.();
  }
}

describe("a handler's queue", () => {
  test("a sync handler is called as the message comes, and nothing queues", () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.register(({ data }) => seen.push(data));
    channel.send("1", "2");
    expect([seen, channel.host.marks, channel.host.busyQueues.size]).toEqual([["1", "2"], 2, 0]);
  });

  test("a pattern's handler is given channel and pattern", () => {
    const host = new Host();
    const entry = new Entry("pattern", "a*", "a*", discard);
    const seen: AnyPublished[] = [];
    new HandlerSink(host, (message) => seen.push(message), registered).pmessage(entry, "ab", payload("1"));
    expect(seen).toEqual([{ type: "pmessage", pattern: "a*", channel: "ab", data: "1" }]);
  });

  test("an async handler is awaited; each message leaves its mark when it comes", async () => {
    const channel = new Channel();
    const manual = new Manual();
    channel.register(manual.handler);
    channel.send("1", "2", "3");
    expect([manual.begun, channel.host.marks, channel.host.busyQueues.size]).toEqual([["1"], 3, 1]);
    manual.end();
    await eventually(() => expect(manual.begun).toEqual(["1", "2"]));
    manual.end();
    await eventually(() => expect(manual.begun).toEqual(["1", "2", "3"]));
    manual.end();
    await eventually(() => expect(channel.host.busyQueues.size).toBe(0));
    channel.send("4");
    expect(manual.begun).toEqual(["1", "2", "3", "4"]);
  });

  test("a payload that the codec refuses leaves no mark and calls nobody", () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.register(({ data }) => seen.push(data));
    channel.send("!", "1");
    expect([seen, channel.host.marks]).toEqual([["1"], 1]);
  });

  test("what is thrown or rejected is told, and the next message comes", async () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.register(({ data }) => {
      seen.push(data);
      if (data === "throws") throw new Error("thrown");
      return data === "rejects" ? Promise.reject(new Error("rejected")) : undefined;
    });
    channel.send("throws", "rejects", "throws", "fine");
    await eventually(() => expect(seen).toEqual(["throws", "rejects", "throws", "fine"]));
    expect(channel.host.failures.map(String)).toEqual(["Error: thrown", "Error: rejected", "Error: thrown"]);
    await eventually(() => expect(channel.host.busyQueues.size).toBe(0));
  });

  test("what waits goes to the handler registered when its turn comes", async () => {
    const channel = new Channel();
    const [first, second] = [new Manual(), new Manual()];
    channel.register(first.handler);
    channel.send("1", "2");
    channel.register(second.handler);
    channel.send("3");
    expect(second.begun).toEqual([]);
    first.end();
    await eventually(() => expect(second.begun).toEqual(["2"]));
    second.end();
    await eventually(() => expect(second.begun).toEqual(["2", "3"]));
    expect(first.begun).toEqual(["1"]);
  });

  test("what waits when the handler is removed goes to that handler still", async () => {
    const channel = new Channel();
    const manual = new Manual();
    channel.register(manual.handler);
    channel.send("1", "2");
    channel.entry.sink = discard;
    manual.end();
    await eventually(() => expect(manual.begun).toEqual(["1", "2"]));
  });

  test("a stop forgets what waits and leaves the one at work alone", async () => {
    const channel = new Channel();
    const manual = new Manual();
    channel.register(manual.handler);
    channel.send("1", "2");
    for (const queue of channel.host.busyQueues) queue.stop();
    manual.end();
    await eventually(() => expect(channel.host.busyQueues.size).toBe(0));
    expect(manual.begun).toEqual(["1"]);
  });

  test("a thousand messages behind one async handler keep their order without a deep stack", async () => {
    const channel = new Channel();
    const seen: unknown[] = [];
    channel.register(({ data }) => {
      seen.push(data);
      return seen.length === 1 ? Promise.resolve() : undefined;
    });
    const texts = Array.from({ length: 20_000 }, (_, n) => String(n));
    channel.send(...texts);
    expect(seen).toEqual(["0"]);
    await eventually(() => expect(seen).toHaveLength(texts.length));
    expect(seen).toEqual(texts);
  });
});
