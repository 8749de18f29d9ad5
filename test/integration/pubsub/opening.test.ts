import { ClosedError, ConnectionError, type Handler, PubSub, Redis, ServerError, TimeoutError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startProxy } from "../../support/proxy.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { message, nextItems, onEveryProtocol, receiveMany, rejection } from "./bench.ts";

onEveryProtocol("opening", (bench) => {
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
    await expectServerTruth(bench.server, { channels: ["a"] });
  });

  test("calls before open wait for it and are part of it", async () => {
    const consumer = bench.unopened({ channels: "a" });
    const settled: string[] = [];
    const calls = [
      consumer.subscribe("b").then(() => settled.push("subscribe")),
      consumer.psubscribe("p*").then(() => settled.push("psubscribe")),
      consumer.receive().then((given) => settled.push(String(given.data))),
    ];
    expect([...consumer.channels.keys()]).toEqual(["a", "b"]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toEqual([]);
    await consumer.open();
    await Promise.all(calls.slice(0, 2));
    await bench.publish("b", "first");
    await Promise.all(calls);
    expect(settled.sort()).toEqual(["first", "psubscribe", "subscribe"]);
  });

  test("what is unsubscribed before open is never subscribed", async () => {
    const consumer = bench.unopened({ channels: ["a", "b"] });
    const unsubscribed = consumer.unsubscribe("a");
    await consumer.open();
    await unsubscribed;
    await expectServerTruth(bench.server, { channels: ["b"] });
    expect(await nextItems(consumer, 1)).toEqual([{ type: "subscribe", pattern: null, channel: "b", data: 1 }]);
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
    await Promise.all([opening, consumer.subscribe("b"), consumer.psubscribe("c")]);
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
    const client = new Redis({ host: proxy.host, port: proxy.port, protocol: bench.protocol });
    const consumer = new PubSub(client, { channels: "a" });
    const opening = consumer.open();
    await eventually(() => expect(proxy.open).toBe(1));
    const seen: unknown[] = [];
    const handler: Handler = (given) => seen.push(given);
    const calls = [consumer.subscribe("b"), consumer.subscribe("c", handler), consumer.unsubscribe("b")];
    expect(consumer.state).toBe("connecting");
    await proxy.heal();
    await Promise.all([opening, ...calls]);
    await expectServerTruth(bench.server, { channels: ["a", "c"] });
    await bench.publish("c", "1");
    await eventually(() => expect(seen).toEqual([message("c", "1")]));
    await client.close();
  });

  test("a server that comes up late is waited for", async () => {
    await using proxy = await startProxy(bench.server.port);
    proxy.refuse();
    const client = new Redis({
      host: proxy.host,
      port: proxy.port,
      protocol: bench.protocol,
      retryPolicy: () => 20,
    });
    const states: string[] = [];
    const consumer = new PubSub(client, { channels: "a", subscriptionTimeout: 5000 });
    consumer.on("state", (state) => states.push(state));
    const opening = consumer.open();
    await proxy.accept();
    await opening;
    expect(states).toEqual(["live"]);
    await client.close();
  });

  test("an open that finds no server in time rejects, says why, and gives up", async () => {
    const client = new Redis({
      port: await freePort(),
      host: "127.0.0.1",
      protocol: bench.protocol,
      connectTimeout: 200,
      retryPolicy: () => 20,
    });
    const consumer = new PubSub(client, { channels: "a" });
    const error = await rejection(consumer.open());
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).cause).toBeInstanceOf(ConnectionError);
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

  test("a denied channel rejects open, and leaves nothing open", async () => {
    await bench.control.command("ACL", "SETUSER", "opener", "reset", "on", ">p", "+@all", "&news");
    const client = bench.client({ username: "opener", password: "p", pool: { keep: 0 } });
    const consumer = new PubSub(client, { channels: ["news", "secret", "hidden"], patterns: ["s*"] });
    const early = rejection(consumer.receive());
    const error = await rejection(consumer.open());
    expect(error).toBeInstanceOf(ServerError);
    expect((error as ServerError).code).toBe("NOPERM");
    expect([...(error as ServerError).names].sort()).toEqual(["hidden", "s*", "secret"]);
    expect([consumer.closed, consumer.channels.size]).toEqual([true, 0]);
    expect(await early).toBeInstanceOf(ClosedError);
    await expectServerTruth(bench.server, {});
    await eventually(async () => expect(await bench.connections()).toEqual([]));
  });

  test("a closed client opens no consumer", async () => {
    const client = bench.client();
    const consumer = new PubSub(client, { channels: "a" });
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
    const client = new Redis({ host: proxy.host, port: proxy.port, protocol: bench.protocol });
    const abort = new AbortController();
    const reason = new Error("changed my mind");
    const consumer = new PubSub(client, { ...options, signal: abort.signal });
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
    await expectServerTruth(bench.server, {});
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
