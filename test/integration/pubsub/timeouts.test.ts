import { ArgumentError, Redis, TimeoutError } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { leftOver, message, nextItems, receiveMany, rejection } from "./fixtures.ts";

const ANSWERED = ["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "PING"];

/** A server that keeps its answers back, from the first of `commands` on, until told to speak. */
async function startSilentServer(
  ...commands: string[]
): Promise<{ server: FakeServer; speak(): void; hush(): void; [Symbol.asyncDispose](): Promise<void> }> {
  const held: (() => void)[] = [];
  let silent = true;
  const server = await startFakeServer();
  for (const name of ANSWERED) {
    server.handle(name, (command, connection) => {
      // Servers answer in order, so one answer held back holds those behind it.
      if (silent && (held.length > 0 || commands.includes(name))) held.push(() => server.respond(command, connection));
      else server.respond(command, connection);
    });
  }
  return {
    server,
    speak() {
      silent = false;
      for (const answer of held.splice(0)) answer();
    },
    hush() {
      silent = true;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const sent = (server: FakeServer): string[] =>
  server.commands.filter(({ name }) => name.endsWith("SUBSCRIBE")).map(({ name, args }) => [name, ...args].join(" "));

describe.each([3, 2] as const)("confirmations that are late, in RESP%i", (protocol) => {
  test("a subscribe rejects after its timeout, its names are withdrawn, and late confirmations are swallowed", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ patterns: "p*", ignoreSubscribeMessages: false });
    await nextItems(consumer, 1);
    const error = await rejection(consumer.subscribe(["a", "b"], { timeout: 20 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).message).toContain('"a"');
    expect([consumer.channels.size, consumer.subscribed]).toEqual([0, true]);
    await eventually(() => expect(sent(server)).toEqual(["PSUBSCRIBE p*", "SUBSCRIBE a b", "UNSUBSCRIBE a b"]));
    silent.speak();
    server.publish("a", "of nobody");
    server.publish("p1", "1");
    expect(await receiveMany(consumer, 1)).toMatchObject([{ type: "pmessage", data: "1" }]);
    expect(await leftOver(consumer)).toEqual([]);
  });

  test("the option subscriptionTimeout is the default of the call's", async () => {
    await using silent = await startSilentServer("SUBSCRIBE", "PSUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ subscriptionTimeout: 20 });
    expect(await rejection(consumer.subscribe("a"))).toBeInstanceOf(TimeoutError);
    expect(await rejection(consumer.psubscribe("a"))).toBeInstanceOf(TimeoutError);
    expect(consumer.subscribed).toBe(false);
  });

  test("an open whose names are never confirmed rejects and leaves nothing open", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    expect(await rejection(client.pubsub({ channels: "a", subscriptionTimeout: 20 }))).toBeInstanceOf(TimeoutError);
    await eventually(() => expect(server.connections).toEqual([]));
  });

  test("each confirmation of the call's names starts its time anew", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub();
    const names = Array.from({ length: 24 }, (_, n) => `c${n}`);
    // In all this takes longer than the timeout, and each step far less, on a busy machine too.
    const subscribing = consumer.subscribe(names, { timeout: 1000 });
    await eventually(() => expect(sent(server)).toHaveLength(1));
    const begin = performance.now();
    for (const name of names) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      server.latest.subscribe("", [name]);
    }
    await subscribing;
    expect(performance.now() - begin).toBeGreaterThan(1000);
    expect(consumer.channels.size).toBe(24);
  });

  test("an abort rejects a subscribe with the signal's reason and withdraws what only it wanted", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ ignoreSubscribeMessages: true });
    const abort = new AbortController();
    const reason = new Error("enough");
    const aborted = rejection(consumer.subscribe(["a", "b"], { signal: abort.signal, timeout: 10_000 }));
    const other = consumer.subscribe(["b"], { timeout: 10_000 });
    abort.abort(reason);
    expect(await aborted).toBe(reason);
    expect([...consumer.channels.keys()]).toEqual(["b"]);
    silent.speak();
    await other;
    await eventually(() => expect([...server.latest.subscriptions[""]]).toEqual(["b"]));
    server.publish("b", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("b", "1")]);
  });

  test("a signal that is aborted already sends nothing", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub();
    const reason = new Error("enough");
    expect(await rejection(consumer.subscribe(["a"], { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect([consumer.subscribed, sent(server)]).toEqual([false, []]);
  });

  test("an abort after the confirmation changes nothing", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub();
    const abort = new AbortController();
    await consumer.subscribe(["a"], { signal: abort.signal });
    abort.abort();
    expect([...consumer.channels.keys()]).toEqual(["a"]);
    expect(sent(server)).toEqual(["SUBSCRIBE a"]);
  });

  test("names wanted before a late subscribe stay, with the handlers they had", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    silent.speak();
    await using client = new Redis(server.url, { protocol });
    const seen: string[] = [];
    const consumer = await client.pubsub({ channelHandlers: { a: ({ data }) => seen.push(data) } });
    silent.hush();
    const late = consumer.subscribe(["a", "b"], () => seen.push("wrong"), { timeout: 20 });
    expect(await rejection(late)).toBeInstanceOf(TimeoutError);
    silent.speak();
    expect([...consumer.channels.keys()]).toEqual(["a"]);
    server.publish("a", "1");
    await eventually(() => expect(seen).toEqual(["1"]));
    await eventually(() => expect([...server.latest.subscriptions[""]]).toEqual(["a"]));
  });

  test("a subscribe that follows a late one is confirmed by its own confirmation", async () => {
    await using silent = await startSilentServer("SUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub();
    await rejection(consumer.subscribe(["a"], { timeout: 20 }));
    const again = consumer.subscribe(["a"], { timeout: 10_000 });
    await eventually(() => expect(sent(server)).toEqual(["SUBSCRIBE a", "UNSUBSCRIBE a", "SUBSCRIBE a"]));
    silent.speak();
    await again;
    expect(server.latest.subscriptions[""].has("a")).toBe(true);
    server.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });

  test("a late unsubscribe is no error, its confirmation still comes, and the connection serves nobody else", async () => {
    await using silent = await startSilentServer("UNSUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ channels: ["a", "b"], unsubscriptionTimeout: 20 });
    await nextItems(consumer, 2);
    const { id } = server.latest;
    await consumer.unsubscribe("a");
    expect(await leftOver(consumer)).toEqual([]);
    expect([...consumer.channels.keys()]).toEqual(["b"]);
    silent.speak();
    expect(await nextItems(consumer, 1)).toEqual([{ type: "unsubscribe", pattern: null, channel: "a", data: 1 }]);
    server.publish("b", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("b", "1")]);
    await consumer.close();
    await client.pubsub({ channels: "c" });
    expect(server.connections.map((connection) => connection.id)).not.toContain(id);
  });

  test("the default iterator waits for a confirmation that is late", async () => {
    await using silent = await startSilentServer("UNSUBSCRIBE");
    const { server } = silent;
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ channels: "a", unsubscriptionTimeout: 20 });
    const types: string[] = [];
    const loop = (async () => {
      for await (const { type } of consumer) types.push(type);
    })();
    await consumer.unsubscribe("a");
    server.publish("a", "before the confirmation");
    await eventually(() => expect(types).toEqual(["subscribe", "message"]));
    silent.speak();
    await loop;
    expect(types).toEqual(["subscribe", "message", "unsubscribe"]);
  });

  test("an unsubscribe that was answered in time leaves the connection good for another", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ channels: ["a", "b"] });
    const { id } = server.latest;
    await consumer.unsubscribe("a");
    await consumer.close();
    await client.pubsub({ channels: "c" });
    expect(server.connections.map((connection) => connection.id)).toEqual([id]);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "10", null])(
    "a timeout of %s is refused",
    async (timeout) => {
      await using server = await startFakeServer();
      await using client = new Redis(server.url, { protocol });
      const consumer = await client.pubsub();
      expect(await rejection(consumer.subscribe(["a"], { timeout } as object))).toBeInstanceOf(ArgumentError);
      expect(sent(server)).toEqual([]);
    },
  );
});
