import { ClosedError, ServerError } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { watchResources } from "../support/resource-watch.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { onEveryProtocol, QUICK, rejection } from "./fixtures.ts";

// Row 20.
onEveryProtocol("a password that changes under a live consumer", (bench) => {
  const demand = (password: string) => bench.control.command("CONFIG", "SET", "requirepass", password);

  test("fails it: unread messages first, then the server's error, and no further attempt", async () => {
    let asked = 0;
    const client = bench.proxied({
      retryPolicy: () => {
        asked += 1;
        return 100;
      },
    });
    const { maxIdle, pingTimeout } = QUICK;
    const consumer = await client.pubsub({ maxIdle, pingTimeout, channels: "a", ignoreSubscribeMessages: true });
    const [errors, states] = [[] as Error[], [] as string[]];
    consumer.on("error", (error) => errors.push(error));
    consumer.on("state", (state) => states.push(state));
    for (const payload of ["1", "2", "3"]) await bench.control.command("PUBLISH", "a", payload);
    // What is confirmed came after what was published.
    await consumer.subscribe("b");
    await demand("secret");
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    expect(states).toEqual(["reconnecting", "failed"]);
    // One for the killed connection, none for the refused login.
    expect([asked, bench.proxy.accepted.length]).toEqual([1, 2]);

    expect((await consumer.receive()).data).toBe("1");
    const read: string[] = [];
    const cause = await rejection(
      (async () => {
        for await (const item of consumer) if (item.type === "message") read.push(item.data);
      })(),
    );
    expect(read).toEqual(["2", "3"]);
    expect(cause).toBeInstanceOf(ServerError);
    expect((cause as ServerError).code).toBe("NOAUTH");
    const calls = [
      consumer.receive(),
      consumer.receive({ timeout: 1000 }),
      consumer.getMessage(),
      consumer.getMessage({ timeout: 1000 }),
      consumer.subscribe("c"),
      consumer.psubscribe("c"),
      consumer.subscribe("a", () => {}),
      consumer.messages().next(),
      consumer.batches().next(),
    ];
    for (const call of calls) expect(await rejection(call)).toBe(cause);
    expect(errors).toEqual([cause]);
    expect([...consumer.channels.keys()]).toEqual(["a", "b"]);
    await eventually(() => expect(bench.proxy.open).toBe(0));
    expect([asked, bench.proxy.accepted.length]).toEqual([1, 2]);
  });

  test("leaves no timer that could make it try again, and no socket", async () => {
    using watch = watchResources();
    const consumer = await bench.proxied().pubsub({ ...QUICK, channels: "a" });
    consumer.on("error", () => {});
    await demand("secret");
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    await watch.expectNone();
    expect(bench.proxy.accepted).toHaveLength(2);
    await expectServerTruth(bench.server, {});
  });

  test("retry takes it up when the password is gone, handlers and all, and not before", async () => {
    const seen: string[] = [];
    const consumer = await bench.proxied().pubsub({
      ...QUICK,
      channels: "a",
      patterns: "p*",
      channelHandlers: { h: ({ data }) => seen.push(data) },
      ignoreSubscribeMessages: true,
    });
    consumer.on("error", () => {});
    await demand("secret");
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    const error = await rejection(deadline(consumer.retry(), 10_000, "the retry to be told"));
    expect(error).toMatchObject({ code: "NOAUTH" });
    expect([consumer.state, bench.proxy.accepted.length]).toEqual(["failed", 3]);

    await demand("");
    await consumer.retry();
    expect(consumer.state).toBe("live");
    await expectServerTruth(bench.server, { channels: ["a", "h"], patterns: ["p*"] });
    for (const channel of ["h", "a", "p1"]) await bench.control.command("PUBLISH", channel, channel);
    expect((await consumer.receive({ timeout: 10_000 })).data).toBe("a");
    expect((await consumer.receive({ timeout: 10_000 })).data).toBe("p1");
    expect(seen).toEqual(["h"]);
    await killSubscribers(bench.control);
    await expectServerTruth(bench.server, { channels: ["a", "h"], patterns: ["p*"] });
  });

  test("a retry that is asked for twice, or while the server is away, ends well", async () => {
    const consumer = await bench.proxied().pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
    consumer.on("error", () => {});
    await demand("secret");
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("failed"));
    for (const error of await Promise.all([consumer.retry(), consumer.retry()].map(rejection)))
      expect(error).toMatchObject({ code: "NOAUTH" });
    expect(consumer.state).toBe("failed");
    await bench.server.shutdown();
    const retrying = [consumer.retry(), consumer.retry(), consumer.subscribe("b")];
    await bench.server.start();
    await deadline(Promise.all(retrying), 10_000, "the retries to resolve");
    await expectServerTruth(bench.server, { channels: ["a", "b"] });
    await bench.control.command("PUBLISH", "a", "1");
    expect((await consumer.receive({ timeout: 10_000 })).data).toBe("1");
  });

  test("closing a failed one, or one that retries, leaves nothing", async () => {
    using watch = watchResources();
    for (const retries of [false, true]) {
      const consumer = await bench.proxied().pubsub({ ...QUICK, channels: "a" });
      consumer.on("error", () => {});
      await demand("secret");
      await killSubscribers(bench.control);
      await eventually(() => expect(consumer.state).toBe("failed"));
      const retrying = retries ? rejection(consumer.retry()) : new ClosedError("");
      await consumer.close();
      expect(await retrying).toBeInstanceOf(ClosedError);
      await watch.expectNone();
      await demand("");
    }
    await expectServerTruth(bench.server, {});
  });

  test("tells those who wait, and commands as well", async () => {
    const client = bench.proxied();
    await client.connect();
    const consumer = await client.pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
    // The confirmation, which counts as something that is not shown.
    expect(await consumer.getMessage()).toBeNull();
    const waiting = [
      consumer.receive(),
      consumer.getMessage(),
      consumer[Symbol.asyncIterator]().next(),
      consumer.messages({ until: "closed" }).next(),
      consumer.batches().next(),
    ].map(rejection);
    await demand("secret");
    bench.proxy.cut();
    for (const error of await deadline(Promise.all(waiting), 10_000, "all who wait to be told"))
      expect(error).toMatchObject({ code: "NOAUTH" });
    await eventually(() => expect(client.state).toBe("failed"));
    const attempts = bench.proxy.accepted.length;
    expect(await rejection(client.publish("a", "x"))).toMatchObject({ code: "NOAUTH" });
    expect(bench.proxy.accepted).toHaveLength(attempts + 1);
    await demand("");
    expect(await client.publish("a", "x")).toBe(0);
  });

  test("a wrong one that was right fails consumer and commands alike", async () => {
    await demand("first");
    const client = bench.proxied({ password: "first" });
    const consumer = await client.pubsub({ ...QUICK, channels: "a" });
    consumer.on("error", () => {});
    await demand("second");
    bench.proxy.cut();
    await eventually(() => expect(consumer.state).toBe("failed"));
    expect(await rejection(consumer.subscribe("b"))).toMatchObject({ code: "WRONGPASS" });
    expect(await rejection(client.publish("a", "x"))).toMatchObject({ code: "WRONGPASS" });
    await demand("first");
    await consumer.retry();
    await expectServerTruth(bench.server, { channels: ["a"] });
  });
});
