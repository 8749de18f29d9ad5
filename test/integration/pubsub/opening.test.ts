import { ClosedError, ClusterError, ConnectionError, type Handler, ServerError, TimeoutError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startProxy } from "../../support/proxy.ts";
import { lacks } from "../../support/server-features.ts";
import { message, nextItems, onEveryKind, receiveMany, rejection } from "./fixtures.ts";

onEveryKind("opening", (bench) => {
  test("a consumer that is not opened connects to nothing", async () => {
    const consumer = bench.unopened({ channels: "a" });
    expect([consumer.state, consumer.closed, consumer.subscribed]).toEqual(["connecting", false, true]);
    expect(await bench.connections()).toEqual([]);
    await consumer.close();
    expect(consumer.closed).toBe(true);
  });

  test("open gives the consumer itself, and the same promise again", async () => {
    const consumer = bench.unopened({ channels: "a" });
    const first = consumer.open();
    expect(consumer.open()).toBe(first);
    expect(await first).toBe(consumer);
    expect(consumer.state).toBe("live");
    await consumer.open();
    await bench.truth({ channels: ["a"] });
  });

  test("calls before open wait for it and are part of it", async () => {
    const consumer = bench.unopened({ channels: "a" });
    const settled: string[] = [];
    const calls = [
      consumer.subscribe("b").then(() => settled.push("subscribe")),
      consumer.subscribe(["c"]).then(() => settled.push("another")),
      consumer.receive().then((given) => settled.push(String(given.data))),
    ];
    expect([...consumer.channels.keys()]).toEqual(["a", "b", "c"]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toEqual([]);
    await consumer.open();
    await Promise.all(calls.slice(0, 2));
    await bench.publish("b", "first");
    await Promise.all(calls);
    expect(settled.sort()).toEqual(["another", "first", "subscribe"]);
  });

  test("what is unsubscribed before open is never subscribed", async () => {
    const consumer = bench.unopened({ channels: ["a", "b"] });
    const unsubscribed = consumer.unsubscribe("a");
    await consumer.open();
    await unsubscribed;
    await bench.truth({ channels: ["b"] });
    expect(await nextItems(consumer, 1)).toEqual([bench.confirmation("subscribe", "b", 1)]);
  });

  test("calls during open wait for it", async () => {
    const consumer = bench.unopened({ channels: "a" });
    const opening = consumer.open();
    const loop = (async () => {
      const seen: unknown[] = [];
      for await (const given of consumer.messages()) {
        seen.push(given.data);
        if (seen.length === 2) break;
      }
      return seen;
    })();
    await Promise.all([opening, consumer.subscribe("b"), consumer.subscribe(["c"])]);
    await bench.publish("b", "1");
    await bench.publish("c", "2");
    expect(await loop).toEqual(["1", "2"]);
  });

  test("an iterator begun before open ends at once when nothing is wanted", async () => {
    const consumer = bench.unopened();
    const ended = consumer[Symbol.asyncIterator]().next();
    await consumer.open();
    expect(await ended).toEqual({ done: true, value: undefined });
  });

  test("subscribing while the connection is still being made", async () => {
    await using proxy = await startProxy(bench.server.port);
    proxy.hold();
    const client = bench.clientAt(proxy.port);
    const consumer = bench.make(client, { channels: "a" });
    const opening = consumer.open();
    await eventually(() => expect(proxy.open).toBe(1));
    const seen: unknown[] = [];
    const handler: Handler = (given) => seen.push(given);
    const calls = [consumer.subscribe("b"), consumer.subscribe("c", handler), consumer.unsubscribe("b")];
    expect(consumer.state).toBe("connecting");
    await proxy.heal();
    await Promise.all([opening, ...calls]);
    await bench.truth({ channels: ["a", "c"] });
    await bench.publish("c", "1");
    await eventually(() => expect(seen).toEqual([message("c", "1")]));
    await client.close();
  });

  test("a server that comes up late is waited for", async () => {
    await using proxy = await startProxy(bench.server.port);
    proxy.refuse();
    const client = bench.clientAt(proxy.port, { retryPolicy: () => 20 });
    const states: string[] = [];
    const consumer = bench.make(client, { channels: "a", subscriptionTimeout: 5000 });
    consumer.on("state", (state) => states.push(state));
    const opening = consumer.open();
    await proxy.accept();
    await opening;
    expect(states).toEqual(["live"]);
    await client.close();
  });

  test("an open that finds no server in time rejects, says why, and gives up", async () => {
    const client = bench.clientAt(await freePort(), { connectTimeout: 200, readyTimeout: 200, retryPolicy: () => 20 });
    const consumer = bench.make(client, { channels: "a" });
    const error = await rejection(consumer.open());
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).cause).toBeInstanceOf(
      bench.kind.startsWith("server") ? ConnectionError : ClusterError,
    );
    expect([consumer.closed, consumer.subscribed]).toEqual([true, false]);
    await client.close();
  });

  test("a refused login rejects open and leaves nothing open", async () => {
    const client = bench.client({ username: "nobody", password: "wrong" });
    const error = await rejection(client.pubsub({ channels: "a" }));
    expect(error).toBeInstanceOf(ServerError);
    expect((error as ServerError).code).toBe("WRONGPASS");
    await eventually(async () => expect(await bench.connections()).toEqual([]));
  });

  test.skipIf(lacks("channelRules"))("a denied channel rejects open, and leaves nothing open", async () => {
    await bench.control.command("ACL", "SETUSER", "opener", "reset", "on", ">p", "+@all", "&news");
    const client = bench.client({ username: "opener", password: "p", pool: { keep: 0 } });
    const consumer = bench.make(client, { channels: ["news", "secret", "hidden"], patterns: ["s*"] });
    const early = rejection(consumer.receive());
    const error = await rejection(consumer.open());
    expect(error).toBeInstanceOf(ServerError);
    expect((error as ServerError).code).toBe("NOPERM");
    const denied = bench.patterns ? ["hidden", "s*", "secret"] : ["hidden", "secret"];
    expect([...(error as ServerError).names].sort()).toEqual(denied);
    expect([consumer.closed, consumer.channels.size]).toEqual([true, 0]);
    expect(await early).toBeInstanceOf(ClosedError);
    await bench.truth({});
    await eventually(async () => expect(await bench.connections()).toEqual([]));
  });

  test("a closed client opens no consumer", async () => {
    const client = bench.client();
    const consumer = bench.make(client, { channels: "a" });
    await client.close();
    await expect(client.pubsub({ channels: "a" })).rejects.toBeInstanceOf(ClosedError);
    await expect(consumer.open()).rejects.toBeInstanceOf(ClosedError);
    expect(await bench.connections()).toEqual([]);
  });

  test("an option signal that is aborted already rejects open with its reason", async () => {
    const reason = new Error("changed my mind");
    const consumer = bench.unopened({ channels: "a", signal: AbortSignal.abort(reason) });
    expect(await rejection(consumer.open())).toBe(reason);
    expect(consumer.closed).toBe(true);
    expect(await bench.connections()).toEqual([]);
  });

  test.each([{ channels: "a" }, {}])("an option signal that aborts during open rejects it (%o)", async (options) => {
    await using proxy = await startProxy(bench.server.port);
    proxy.hold();
    const client = bench.clientAt(proxy.port);
    const abort = new AbortController();
    const reason = new Error("changed my mind");
    const consumer = bench.make(client, { ...options, signal: abort.signal });
    const opening = rejection(consumer.open());
    const subscribing = rejection(consumer.subscribe("b"));
    await eventually(() => expect(proxy.open).toBe(1));
    abort.abort(reason);
    expect(await opening).toBe(reason);
    expect(await subscribing).toBeInstanceOf(ClosedError);
    expect(consumer.closed).toBe(true);
    await proxy.heal();
    await eventually(() => expect(proxy.open).toBe(0));
    await client.close();
  });

  test("an option signal that aborts after open closes the consumer", async () => {
    const abort = new AbortController();
    const consumer = await bench.consumer({ channels: "a", signal: abort.signal, ignoreSubscribeMessages: true });
    await bench.publish("a", "1");
    await receiveMany(consumer, 1);
    const closed = new Promise<void>((resolve) => consumer.once("close", () => resolve()));
    const waiting = consumer.getMessage();
    abort.abort();
    expect(await waiting).toBe(null);
    await closed;
    expect(consumer.closed).toBe(true);
    await bench.truth({});
  });

  test("an option signal that aborts after the close changes nothing", async () => {
    const abort = new AbortController();
    const consumer = await bench.consumer({ channels: "a", signal: abort.signal });
    await consumer.close();
    abort.abort();
    await consumer.close();
    expect(consumer.state).toBe("closed");
  });
});
