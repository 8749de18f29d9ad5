import { ConnectionError, type Message, noRetry, type State } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startProxy } from "../../support/proxy.ts";
import { lacks } from "../../support/server-features.ts";
import { message, nextItems, onEveryKind, receiveMany, rejection } from "./fixtures.ts";

onEveryKind("reconnecting", (bench) => {
  test("all that is wanted is restored, and confirmed again", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"], patterns: ["p*"] });
    await nextItems(consumer, bench.patterns ? 3 : 2);
    const states: State[] = [];
    consumer.on("state", (state) => states.push(state));
    await killSubscribers(bench.control);
    const pattern: Message = { type: "psubscribe", pattern: "p*", channel: "p*", data: 3 };
    expect(await nextItems(consumer, bench.patterns ? 3 : 2)).toEqual([
      bench.confirmation("subscribe", "a", 1),
      bench.confirmation("subscribe", "b", 2),
      ...(bench.patterns ? [pattern] : []),
    ]);
    await eventually(() => expect(states).toEqual(["reconnecting", "live"]));
    await bench.truth({ channels: ["a", "b"], patterns: ["p*"] });
    await bench.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
  });

  test("unread messages and waiting readers are not disturbed", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    await bench.publish("a", "1");
    await consumer.subscribe("b");
    await killSubscribers(bench.control);
    await bench.truth({ channels: ["a", "b"] });
    expect(await consumer.receive({ timeout: 5000 })).toEqual(message("a", "1"));
    const iterator = consumer.messages();
    const waiting = [iterator.next(), consumer.receive()];
    await killSubscribers(bench.control);
    await bench.truth({ channels: ["a", "b"] });
    await bench.publish("a", "2");
    await bench.publish("b", "3");
    expect(await Promise.all(waiting)).toEqual([{ done: false, value: message("a", "2") }, message("b", "3")]);
  });

  test("what is asked while there is no connection is done when there is one", async () => {
    await using proxy = await startProxy(bench.server.port);
    await using proxied = bench.clientAt(proxy.port, { retryPolicy: () => 10 });
    const consumer = await proxied.pubsub({ channels: ["a", "b"], ignoreSubscribeMessages: true });
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const subscribing = consumer.subscribe("c");
    await consumer.unsubscribe("a");
    expect([...consumer.channels.keys()]).toEqual(["b", "c"]);
    await proxy.accept();
    await subscribing;
    await bench.truth({ channels: ["b", "c"] });
    expect(await bench.publish("c", "1")).toBe(1);
    expect(await receiveMany(consumer, 1)).toEqual([message("c", "1")]);
  });

  test("a connection that is lost again and again costs no subscription", async () => {
    const names = Array.from({ length: 300 }, (_, n) => `c${n}`);
    const client = bench.client({ retryPolicy: () => 1 });
    const consumer = await client.pubsub({ channels: names, patterns: "p*" });
    for (let round = 0; round < 10; round++) {
      await killSubscribers(bench.control);
      await eventually(async () => expect(await bench.publish("c299", "x")).toBe(1));
    }
    await bench.truth({ channels: names, patterns: ["p*"] });
    expect(consumer.channels.size).toBe(300);
  });

  test("a pending subscribe survives the loss of the connection", async () => {
    const client = bench.client({ retryPolicy: () => 1 });
    const consumer = await client.pubsub({ channels: "a" });
    for (let round = 0; round < 20; round++) {
      const killing = killSubscribers(bench.control);
      const alongside = bench.patterns ? consumer.psubscribe(`p${round}`) : consumer.subscribe([`d${round}`, "a"]);
      await Promise.all([consumer.subscribe(`c${round}`), alongside, killing]);
    }
    const names = (prefix: string): string[] => Array.from({ length: 20 }, (_, n) => `${prefix}${n}`);
    await bench.truth({
      channels: ["a", ...names("c"), ...(bench.patterns ? [] : names("d"))],
      patterns: names("p"),
    });
  });

  test("a policy that gives up fails the consumer: unread messages first, then the cause", async () => {
    const client = bench.client({ retryPolicy: noRetry() });
    const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    await bench.publish("a", "1");
    await bench.publish("a", "2");
    await consumer.subscribe("b");
    const errors: Error[] = [];
    consumer.on("error", (error) => errors.push(error));
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    expect(await consumer.receive({ timeout: 5000 })).toEqual(message("a", "1"));
    const seen: Message[] = [];
    const loop = (async () => {
      for await (const item of consumer) seen.push(item);
    })();
    const cause = await rejection(loop);
    expect(cause).toBeInstanceOf(ConnectionError);
    expect(seen).toEqual([message("a", "2")]);
    for (const call of [
      consumer.receive(),
      consumer.getMessage(),
      consumer.subscribe("c"),
      ...(bench.patterns ? [consumer.psubscribe("c")] : []),
      consumer.messages().next(),
      consumer.batches().next(),
    ]) {
      expect(await rejection(call)).toBe(cause);
    }
    expect(errors).toEqual([cause]);
    expect([consumer.closed, [...consumer.channels.keys()]]).toEqual([false, ["a", "b"]]);
  });

  test("those who wait when a consumer fails learn the cause", async () => {
    const client = bench.client({ retryPolicy: noRetry() });
    const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const waiting = [
      consumer.receive(),
      consumer.getMessage(),
      consumer[Symbol.asyncIterator]().next(),
      consumer.messages().next(),
      consumer.batches().next(),
    ].map(rejection);
    await killSubscribers(bench.control);
    for (const cause of await Promise.all(waiting)) expect(cause).toBeInstanceOf(ConnectionError);
    expect(consumer.state).toBe("failed");
  });

  test("retry takes a failed consumer up again", async () => {
    const client = bench.client({ retryPolicy: noRetry() });
    const seen: string[] = [];
    const consumer = await client.pubsub({
      channels: "a",
      channelHandlers: { h: ({ data }) => seen.push(data) },
      patterns: "p*",
    });
    consumer.on("error", () => {});
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    await consumer.retry();
    expect(consumer.state).toBe("live");
    await bench.truth({ channels: ["a", "h"], patterns: ["p*"] });
    await bench.publish("h", "1");
    await bench.publish("a", "2");
    expect((await receiveMany(consumer, 1)).map(({ data }) => data)).toEqual(["2"]);
    expect(seen).toEqual(["1"]);
    await consumer.subscribe("more");
  });

  test("a retry that finds no server rejects with the cause, and another may follow", async () => {
    await using proxy = await startProxy(bench.server.port);
    await using client = bench.clientAt(proxy.port, { retryPolicy: noRetry() });
    const consumer = await client.pubsub({ channels: ["a", "b"], ignoreSubscribeMessages: true });
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(consumer.state).toBe("failed"));
    await consumer.unsubscribe("b");
    expect(await rejection(consumer.retry())).toBeInstanceOf(ConnectionError);
    expect([consumer.state, [...consumer.channels.keys()]]).toEqual(["failed", ["a"]]);
    await proxy.accept();
    await consumer.retry();
    expect(consumer.state).toBe("live");
    await bench.truth({ channels: ["a"] });
  });

  test.skipIf(lacks("channelRules"))("a login that is refused after the loss fails the consumer at once", async () => {
    await bench.control.command("ACL", "SETUSER", "leaver", "reset", "on", ">p", "+@all", "&*");
    const client = bench.client({ username: "leaver", password: "p", retryPolicy: () => 1 });
    const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const waiting = rejection(consumer.receive());
    await bench.control.command("ACL", "DELUSER", "leaver");
    expect(await waiting).toMatchObject({ code: "WRONGPASS" });
    expect(consumer.state).toBe("failed");
    await bench.control.command("ACL", "SETUSER", "leaver", "reset", "on", ">p", "+@all", "&*");
    await consumer.retry();
    await bench.truth({ channels: ["a"] });
  });
});
