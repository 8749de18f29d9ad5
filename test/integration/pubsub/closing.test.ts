import { ClosedError, type Message } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { startProxy } from "../../support/proxy.ts";
import { message, nextItems, onTestingToo, PATIENCE, receiveMany, rejection } from "./fixtures.ts";

onTestingToo("closing", (bench) => {
  test("a closed consumer has unsubscribed, and says that it is closed", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"], patterns: "p*" });
    let told = 0;
    const states: string[] = [];
    consumer.on("close", () => told++);
    consumer.on("state", (state) => states.push(state));
    await consumer.close();
    await bench.truth({});
    expect([consumer.closed, consumer.state, consumer.subscribed]).toEqual([true, "closed", false]);
    expect([consumer.channels.size, consumer.denied.size]).toEqual([0, 0]);
    if (bench.patterns) expect(consumer.patterns.size).toBe(0);
    expect([told, states]).toEqual([1, ["closed"]]);
  });

  test("close is idempotent", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    let told = 0;
    consumer.on("close", () => told++);
    await Promise.all([consumer.close(), consumer.close(), consumer[Symbol.asyncDispose]()]);
    await consumer.close();
    await consumer.drain();
    expect(told).toBe(1);
  });

  test("await using closes", async () => {
    const client = bench.client();
    {
      await using consumer = await client.pubsub({ channels: "a" });
      expect(consumer.closed).toBe(false);
      await bench.truth({ channels: ["a"] });
    }
    await bench.truth({});
  });

  test("the connection goes back to the pool and serves the next consumer, clean", async () => {
    const client = bench.client();
    // To be kept it has to prove itself within 100 ms, which a busy machine may miss once.
    const second = await eventually(async () => {
      const first = await client.pubsub({ channels: ["a", "b"], patterns: ["p*"] });
      const [before, ...others] = await subscriberClients(bench.control);
      await bench.publish("a", "unread");
      await first.close();
      expect(others).toEqual([]);
      const next = await client.pubsub({ channels: "c", ignoreSubscribeMessages: true });
      const ids = (await subscriberClients(bench.control)).map(({ id }) => id);
      if (ids.length !== 1 || ids[0] !== before?.id) await next.close();
      expect(ids).toEqual([before?.id]);
      return next;
    });
    for (const channel of ["a", "b", "pp"]) expect(await bench.publish(channel, "x")).toBe(0);
    await bench.publish("c", "1");
    expect(await second.receive({ timeout: PATIENCE })).toEqual(message("c", "1"));
    const [before] = await subscriberClients(bench.control);
    await second.close();
    const third = await client.pubsub();
    await third.subscribe("a");
    await bench.publish("a", "2");
    expect(await third.receive({ timeout: PATIENCE })).toEqual(message("a", "2"));
    // In a cluster one more connection asks what it looks like, for a moment.
    await eventually(async () => expect((await bench.connections()).map(({ id }) => id)).toEqual([before?.id]));
  });

  test("a pool that keeps none closes the connection", async () => {
    const client = bench.client({ pool: { keep: 0 } });
    const consumer = await client.pubsub({ channels: "a" });
    await consumer.close();
    await eventually(async () => expect(await bench.connections()).toEqual([]));
  });

  test("a pending subscribe rejects with ClosedError", async () => {
    const consumer = await bench.consumer();
    const pending = [consumer.subscribe("a"), consumer.subscribe(["c"]), consumer.subscribe("b", () => {})].map(
      rejection,
    );
    const closing = consumer.close();
    for (const error of await Promise.all(pending)) expect(error).toBeInstanceOf(ClosedError);
    await closing;
    await bench.truth({});
  });

  test("a waiting getMessage gives null and receive rejects", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    const [getting, timed, receiving] = [
      consumer.getMessage(),
      consumer.getMessage({ timeout: PATIENCE }),
      rejection(consumer.receive()),
    ];
    await consumer.close();
    expect([await getting, await timed]).toEqual([null, null]);
    expect(await receiving).toBeInstanceOf(ClosedError);
  });

  test("later calls reject with ClosedError", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    await bench.publish("a", "unread");
    await consumer.close();
    for (const call of [
      consumer.subscribe("b"),
      ...(bench.patterns ? [consumer.psubscribe("b"), consumer.punsubscribe()] : []),
      consumer.unsubscribe(),
      consumer.unsubscribe("a"),
      consumer.getMessage(),
      consumer.getMessage({ timeout: 0 }),
      consumer.receive(),
      consumer.retry(),
    ]) {
      expect(await rejection(call)).toBeInstanceOf(ClosedError);
    }
  });

  test("unread messages are discarded and iterators end", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    const seen: Message[] = [];
    for await (const item of consumer) {
      seen.push(item);
      await consumer.close();
    }
    expect(seen).toEqual([message("a", "1")]);
  });

  test("dispatch stops at once, and a handler that runs is not waited for", async () => {
    const seen: string[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await bench.consumer({
      channelHandlers: {
        a: async ({ data }) => {
          seen.push(data);
          await held;
          seen.push(`${data} done`);
        },
      },
    });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    await consumer.subscribe("b");
    expect(seen).toEqual(["1"]);
    await deadline(consumer.close(), PATIENCE, "the close");
    expect(seen).toEqual(["1"]);
    release();
    await eventually(() => expect(seen).toEqual(["1", "1 done"]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["1", "1 done"]);
  });

  test("a close within a sync handler is the end of a burst", async () => {
    const seen: string[] = [];
    const client = bench.client();
    const consumer = await client.pubsub({
      channelHandlers: {
        a: ({ data }) => {
          seen.push(data);
          if (data === "10") void consumer.close();
        },
      },
    });
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.publish("a", String(n))));
    await eventually(() => expect(consumer.closed).toBe(true));
    await consumer.close();
    expect(seen).toEqual(Array.from({ length: 11 }, (_, n) => String(n)));
  });

  test("a close awaited inside a handler settles", async () => {
    const done: string[] = [];
    const consumer = await bench.consumer();
    await consumer.subscribe("a", async () => {
      await consumer.close();
      done.push("closed");
    });
    await bench.publish("a", "1");
    await eventually(() => expect(done).toEqual(["closed"]));
  });

  test("a close during open rejects it, and nothing is left", async () => {
    for (let delay = 0; delay < 10; delay++) {
      const consumer = bench.unopened({ channels: "a", patterns: "p*" });
      const opening = consumer.open().then(
        () => "open",
        (error: unknown) => error,
      );
      for (let turn = 0; turn < delay; turn++) await new Promise((resolve) => setImmediate(resolve));
      await consumer.close();
      const outcome = await opening;
      if (outcome !== "open") expect(outcome).toBeInstanceOf(ClosedError);
      expect(consumer.closed).toBe(true);
      await bench.truth({});
    }
  });

  test("open after the close rejects", async () => {
    const consumer = bench.unopened({ channels: "a" });
    await consumer.close();
    expect(await rejection(consumer.open())).toBeInstanceOf(ClosedError);
    expect(await bench.connections()).toEqual([]);
  });

  test("a close while reconnecting ends the attempts", async () => {
    await using proxy = await startProxy(bench.server.port);
    await using client = bench.clientAt(proxy.port, { retryPolicy: () => 5 });
    const consumer = await client.pubsub({ channels: "a" });
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const pending = rejection(consumer.subscribe("b"));
    await consumer.close();
    expect(await pending).toBeInstanceOf(ClosedError);
    await proxy.accept();
    const other = await client.pubsub({ channels: "c" });
    await bench.truth({ channels: ["c"] });
    expect([consumer.state, other.state]).toEqual(["closed", "live"]);
  });

  test("a failed consumer can be closed", async () => {
    const client = bench.client({ retryPolicy: () => null });
    const consumer = await client.pubsub({ channels: "a" });
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    await consumer.close();
    expect([consumer.state, consumer.closed]).toEqual(["closed", true]);
    expect(await rejection(consumer.receive())).toBeInstanceOf(ClosedError);
  });

  test("closing the client closes its consumers", async () => {
    const client = bench.client();
    const consumers = await Promise.all([client.pubsub({ channels: "a" }), client.pubsub({ patterns: "p*" })]);
    await client.close();
    expect(consumers.map(({ closed }) => closed)).toEqual([true, true]);
    await eventually(async () => expect(await bench.connections()).toEqual([]));
  });

  test("a burst that is still arriving does not keep a close from ending, nor reach anybody", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    const publisher = bench.client();
    const publishing = Promise.all(Array.from({ length: 5000 }, () => publisher.publish("a", "x".repeat(1000))));
    await receiveMany(consumer, 1);
    await consumer.close();
    await publishing;
    expect(await rejection(consumer.getMessage({ timeout: 0 }))).toBeInstanceOf(ClosedError);
    await bench.truth({});
  });
});
