import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { leftOver, message, onTestingToo, patternMessage, receiveMany, rejection } from "./fixtures.ts";

/** A gate that handlers wait at. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));

onTestingToo("handlers", (bench) => {
  test("a handler takes one argument, the message, whether or not anybody reads", async () => {
    const calls: unknown[][] = [];
    const handler = (...args: unknown[]): void => {
      calls.push(args);
    };
    await bench.consumer({ channelHandlers: { a: handler }, patternHandlers: { "a*": handler } });
    await bench.publish("a", "1");
    await eventually(() =>
      expect(calls).toEqual([[message("a", "1")], ...(bench.patterns ? [[patternMessage("a*", "a", "1")]] : [])]),
    );
  });

  test("messages of handled channels go to the handler alone", async () => {
    const seen: Message[] = [];
    const consumer = await bench.consumer({
      channels: "queue",
      channelHandlers: { handled: (given) => seen.push(given) },
      ignoreSubscribeMessages: true,
    });
    await bench.publish("handled", "1");
    await bench.publish("queue", "2");
    expect(await receiveMany(consumer, 1)).toEqual([message("queue", "2")]);
    expect(seen).toEqual([message("handled", "1")]);
    expect(await leftOver(consumer)).toEqual([]);
  });

  test.runIf(bench.patterns)("sync handlers run in the order of arrival, over all channels and patterns", async () => {
    const seen: string[] = [];
    const note = ({ type, channel, data }: Message): void => {
      seen.push(`${type} ${channel} ${data}`);
    };
    const consumer = await bench.consumer({ patternHandlers: { "*": note } });
    await consumer.subscribe(["a", "b"], note);
    const client = bench.client();
    await Promise.all(numbers(200).map((n) => client.publish(Number(n) % 2 === 0 ? "a" : "b", n)));
    await eventually(() => expect(seen).toHaveLength(400));
    const channels = numbers(200).map((n) => (Number(n) % 2 === 0 ? "a" : "b"));
    expect(seen).toEqual(channels.flatMap((channel, n) => [`message ${channel} ${n}`, `pmessage ${channel} ${n}`]));
  });

  test("an async handler is awaited before the next message of its channel, and others do not wait", async () => {
    const slow = gate();
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: {
        slow: async ({ data }) => {
          seen.push(`slow ${data} begins`);
          await slow.passed;
          seen.push(`slow ${data} ends`);
        },
        quick: ({ data }) => seen.push(`quick ${data}`),
      },
      patternHandlers: { "s*": ({ data }) => seen.push(`pattern ${data}`) },
      channels: "queue",
    });
    await bench.publish("slow", "1");
    await bench.publish("slow", "2");
    await bench.publish("quick", "3");
    await bench.publish("queue", "4");
    expect(await receiveMany(consumer, 1)).toEqual([message("queue", "4")]);
    const patterns = bench.patterns ? ["pattern 1", "pattern 2"] : [];
    expect(seen.splice(0)).toEqual(["slow 1 begins", ...patterns, "quick 3"]);
    slow.open();
    await eventually(() => expect(seen.at(-1)).toBe("slow 2 ends"));
    expect(seen).toEqual(["slow 1 ends", "slow 2 begins", "slow 2 ends"]);
  });

  test("a handler that is sync at times and async at times keeps the order", async () => {
    const seen: string[] = [];
    let running = 0;
    await bench.consumer({
      channelHandlers: {
        a: ({ data }) => {
          expect(running).toBe(0);
          if (Number(data) % 3 !== 0) return seen.push(data);
          running++;
          return sleep(1).then(() => {
            running--;
            seen.push(data);
          });
        },
      },
    });
    const client = bench.client();
    await Promise.all(numbers(60).map((n) => client.publish("a", n)));
    await eventually(() => expect(seen).toEqual(numbers(60)));
  });

  test("a thenable that is no promise is awaited as well", async () => {
    const seen: string[] = [];
    const held = gate();
    await bench
      .consumer({
        channelHandlers: {
          a: ({ data }) => {
            seen.push(data);
            // biome-ignore lint/suspicious/noThenProperty: what some libraries give instead of promises
            return { then: (done: () => void) => void held.passed.then(done) };
          },
        },
        channels: "b",
      })
      .then(async (consumer) => {
        await bench.publish("a", "1");
        await bench.publish("a", "2");
        await bench.publish("b", "3");
        await receiveMany(consumer, 1);
      });
    expect(seen).toEqual(["1"]);
    held.open();
    await eventually(() => expect(seen).toEqual(["1", "2"]));
  });

  test.runIf(bench.patterns)("subscribing again with a handler replaces it", async () => {
    const seen: string[] = [];
    const [first, second] = [
      ({ data }: Message) => seen.push(`first ${data}`),
      ({ data }: Message) => seen.push(`second ${data}`),
    ];
    const consumer = await bench.consumer({ channelHandlers: { a: first }, patternHandlers: { "a*": first } });
    await bench.publish("a", "1");
    await eventually(() => expect(seen).toHaveLength(2));
    await consumer.subscribe("a", second);
    await consumer.psubscribe({ "a*": second });
    expect([consumer.channels.get("a"), consumer.patterns.get("a*")]).toEqual([second, second]);
    await bench.publish("a", "2");
    await eventually(() => expect(seen).toEqual(["first 1", "first 1", "second 2", "second 2"]));
  });

  test("subscribing again without a handler removes it", async () => {
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: { a: ({ data }) => seen.push(data) },
      ignoreSubscribeMessages: true,
    });
    await bench.publish("a", "1");
    await eventually(() => expect(seen).toEqual(["1"]));
    await consumer.subscribe("a");
    expect(consumer.channels.get("a")).toBe(null);
    await bench.publish("a", "2");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "2")]);
    expect(seen).toEqual(["1"]);
    await consumer.subscribe("a", ({ data }) => seen.push(data));
    await bench.publish("a", "3");
    await eventually(() => expect(seen).toEqual(["1", "3"]));
  });

  test.each([
    ["the same handler", "later"],
    ["no handler either", null],
  ] as const)("a call that is aborted changes nothing for a later one with %s", async (_, which) => {
    const consumer = await bench.consumer({ ignoreSubscribeMessages: true });
    const [first, later] = [() => {}, () => {}];
    const handler = which === null ? undefined : later;
    await consumer.subscribe("a", first);
    const abort = new AbortController();
    const aborted = rejection(consumer.subscribe("a", handler, { signal: abort.signal }));
    const subscribing = consumer.subscribe("a", handler);
    abort.abort();
    await Promise.all([aborted, subscribing]);
    expect(consumer.channels.get("a")).toBe(handler ?? null);
  });

  test.each(["first aborted", "second aborted", "both aborted", "unsubscribed between"] as const)(
    "of two calls for one name, %s, the handler that holds is that of the last call that stands",
    async (what) => {
      const consumer = await bench.consumer({ ignoreSubscribeMessages: true });
      const [before, one, two] = [() => {}, () => {}, () => {}];
      await consumer.subscribe("a", before);
      const [first, second] = [new AbortController(), new AbortController()];
      const calls = [consumer.subscribe("a", one, { signal: first.signal })];
      if (what === "unsubscribed between") calls.push(consumer.unsubscribe("a"));
      calls.push(consumer.subscribe("a", two, { signal: second.signal }));
      const settled = Promise.allSettled(calls);
      if (what !== "second aborted") first.abort();
      if (what === "second aborted" || what === "both aborted") second.abort();
      await settled;
      const expected = { "second aborted": one, "both aborted": before }[what as string] ?? two;
      expect(consumer.channels.get("a")).toBe(expected);
    },
  );

  test("unsubscribing removes the handler", async () => {
    const seen: string[] = [];
    const consumer = await bench.consumer({ channelHandlers: { a: ({ data }) => seen.push(data) } });
    await consumer.unsubscribe("a");
    await consumer.subscribe("a");
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
    expect(seen).toEqual([]);
  });

  test("a message that waits goes to the handler registered when its turn comes", async () => {
    const held = gate();
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: {
        a: async ({ data }) => {
          seen.push(`first ${data}`);
          await held.passed;
        },
      },
    });
    await bench.publish("a", "1");
    await bench.publish("a", "2");
    // Behind both of them.
    await consumer.subscribe("b");
    await consumer.subscribe("a", ({ data }) => seen.push(`second ${data}`));
    await bench.publish("a", "3");
    await consumer.subscribe("b");
    expect(seen).toEqual(["first 1"]);
    held.open();
    await eventually(() => expect(seen).toHaveLength(3));
    expect(seen).toEqual(["first 1", "second 2", "second 3"]);
  });

  test("a handler that replaces one at work waits for it", async () => {
    const held = gate();
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: {
        a: async () => {
          seen.push("first begins");
          await held.passed;
          seen.push("first is done");
        },
      },
    });
    await bench.publish("a", "1");
    await eventually(() => expect(seen).toEqual(["first begins"]));
    await consumer.subscribe("a", ({ data }) => seen.push(`second ${data}`));
    await bench.publish("a", "2");
    await consumer.subscribe("b");
    expect(seen).toEqual(["first begins"]);
    held.open();
    await eventually(() => expect(seen).toEqual(["first begins", "first is done", "second 2"]));
  });

  test("handlers survive a lost connection", async () => {
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: { a: ({ data }) => seen.push(`a ${data}`) },
      patternHandlers: { "b*": async ({ data }) => seen.push(`b ${data}`) },
    });
    expect(await killSubscribers(bench.control)).toBe(1);
    await eventually(async () => expect(await bench.publish("a", "1")).toBe(1));
    await bench.truth({ channels: ["a"], patterns: ["b*"] });
    expect(consumer.channels.size).toBe(1);
    if (!bench.patterns) return;
    await bench.publish("bb", "2");
    await eventually(() => expect(seen).toEqual(["a 1", "b 2"]));
    expect(consumer.patterns.size).toBe(1);
  });

  test("a handler may subscribe, unsubscribe and publish", async () => {
    const client = bench.client();
    const consumer = await client.pubsub({ channels: "reply", ignoreSubscribeMessages: true });
    await consumer.subscribe("start", async ({ data }) => {
      await consumer.subscribe("next", async (next) => {
        await client.publish("reply", `${data} then ${next.data}`);
        await consumer.unsubscribe("next");
      });
      await client.publish("next", "2");
    });
    await bench.publish("start", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("reply", "1 then 2")]);
    await bench.truth({ channels: ["reply", "start"] });
  });

  test("a handler that unsubscribes its own channel from within a burst gets what came before the confirmation", async () => {
    const seen: string[] = [];
    const unsubscribed: Promise<void>[] = [];
    const consumer = await bench.consumer();
    await consumer.subscribe("a", ({ data }) => {
      seen.push(data);
      if (data === "0") unsubscribed.push(consumer.unsubscribe("a"));
    });
    const client = bench.client();
    const receivers = await Promise.all(numbers(100).map((n) => client.publish("a", n)));
    await eventually(() => expect(unsubscribed).toHaveLength(1));
    await Promise.all(unsubscribed);
    expect(seen).toEqual(numbers(receivers.filter((count) => count === 1).length));
    expect(consumer.channels.size).toBe(0);
  });
});
