import { ClosedError, type Message } from "tidings";
import { expect, test } from "vitest";
import { deadline, eventually } from "../../support/eventually.ts";
import { message, onTestingToo, PATIENCE, receiveMany, rejection } from "./fixtures.ts";

/** So long that a drain which runs to its deadline fails its scenario. */
const LONG = { timeout: 600_000 };

function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

onTestingToo("draining", (bench) => {
  test("unsubscribes, leaves the queue readable until it is empty, then closes", async () => {
    const consumer = await bench.consumer({ channels: "a", patterns: "p*", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    // Behind all of them.
    await consumer.subscribe("b");
    const draining = consumer.drain(LONG);
    await bench.truth({});
    expect([consumer.closed, consumer.subscribed]).toEqual([false, false]);
    expect((await receiveMany(consumer, 3)).map(({ data }) => data)).toEqual(["1", "2", "3"]);
    await deadline(draining, PATIENCE, "the drain");
    expect([consumer.closed, consumer.state]).toEqual([true, "closed"]);
  });

  test("iterators read to the end and end then", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    const draining = consumer.drain(LONG);
    const seen: unknown[] = [];
    for await (const { data } of consumer.messages()) seen.push(data);
    expect(seen).toEqual(["1", "2", "3"]);
    await deadline(draining, PATIENCE, "the drain");
  });

  test("a loop that is at work when the drain begins gets all that has arrived", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    const seen: Message[] = [];
    const loop = (async () => {
      for await (const item of consumer) {
        seen.push(item);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (const payload of ["1", "2", "3", "4"]) await bench.publish("a", payload);
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
    await loop;
    expect(seen).toEqual(["1", "2", "3", "4"].map((payload) => message("a", payload)));
  });

  test("batches and messages until the close end as well", async () => {
    const consumer = await bench.consumer({ channels: "a" });
    for (const payload of ["1", "2"]) await bench.publish("a", payload);
    const batches: string[][] = [];
    const loops = [
      (async () => {
        for await (const batch of consumer.batches({ until: "closed" })) batches.push(batch.map(({ data }) => data));
      })(),
    ];
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
    await Promise.all(loops);
    expect(batches.flat()).toEqual(["1", "2"]);
  });

  test("a loop finishes the job that it has begun, by messages and by batches", async () => {
    for (const how of ["messages", "batches", "items"] as const) {
      const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
      const held = gate();
      const done: string[] = [];
      const loop = (async () => {
        const jobs = { messages: () => consumer.messages(), batches: () => consumer.batches(), items: () => consumer }[
          how
        ]();
        for await (const job of jobs) {
          await held.passed;
          done.push(...[job].flat().map(({ data }) => String(data)));
        }
      })();
      await bench.publish("a", "1");
      await eventually(() => expect(consumer.stats().delivered).toBe(1));
      const draining = consumer.drain(LONG);
      await bench.truth({});
      expect([consumer.closed, done]).toEqual([false, []]);
      held.open();
      await deadline(draining, PATIENCE, "the drain");
      expect(done).toEqual(["1"]);
      await loop;
    }
  });

  test("two loops on one consumer both finish, though the slower has the earlier job", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    const [slow, quick] = [gate(), gate()];
    const done: string[] = [];
    const work = async (until: Promise<void>) => {
      for await (const { data } of consumer.messages()) {
        await until;
        done.push(data);
      }
    };
    const loops = [work(slow.passed), work(quick.passed)];
    for (const payload of ["1", "2"]) await bench.publish("a", payload);
    await eventually(() => expect(consumer.stats().delivered).toBe(2));
    const draining = consumer.drain(LONG);
    quick.open();
    await bench.truth({});
    await eventually(() => expect(done).toEqual(["2"]));
    expect(consumer.closed).toBe(false);
    slow.open();
    await deadline(draining, PATIENCE, "the drain");
    expect(done).toEqual(["2", "1"]);
    await Promise.all(loops);
  });

  test("what receive and getMessage gave, and a loop that was left, is not waited for", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    await eventually(() => expect(consumer.stats().received).toBe(3));
    await consumer.receive();
    await consumer.getMessage();
    for await (const { data } of consumer.messages()) {
      expect(data).toBe("3");
      break;
    }
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
  });

  test("awaited in the body of a loop it settles at its deadline", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await bench.publish("a", "1");
    let drained = false;
    for await (const _ of consumer.messages()) {
      await deadline(consumer.drain({ timeout: 20 }), PATIENCE, "the deadline");
      drained = true;
    }
    expect([drained, consumer.closed]).toEqual([true, true]);
  });

  test("a client drains its consumers, has its commands answered, and closes", async () => {
    const client = bench.client();
    const [own, shared] = await Promise.all([
      client.pubsub({ channels: "a", ignoreSubscribeMessages: true }),
      client.pubsub({ channels: "b", shared: true, ignoreSubscribeMessages: true }),
    ]);
    const held = gate();
    const done: string[] = [];
    const work = async (consumer: typeof own) => {
      for await (const { data } of consumer.messages()) {
        await held.passed;
        done.push(data);
        await client.publish("done", data);
      }
    };
    const loops = [work(own), work(shared)];
    await Promise.all([bench.publish("a", "1"), bench.publish("b", "2")]);
    await eventually(() => expect(client.stats().delivered).toBe(2));
    const answers = Array.from({ length: 100 }, (_, n) => client.publish("x", String(n)));
    const draining = client.drain(LONG);
    await bench.truth({});
    expect([client.state === "closed", done]).toEqual([false, []]);
    held.open();
    await deadline(draining, PATIENCE, "the drain");
    expect(done.sort()).toEqual(["1", "2"]);
    expect(await Promise.all(answers)).toEqual(answers.map(() => 0));
    expect([client.state, own.closed, shared.closed]).toEqual(["closed", true, true]);
    await Promise.all(loops);
    await client.drain();
    expect(await rejection(client.drain({ timeout: -1 }))).toMatchObject({ code: "ARGUMENT" });
  });

  test("handlers finish what has arrived", async () => {
    const held = gate();
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channelHandlers: {
        a: async ({ data }) => {
          await held.passed;
          seen.push(data);
        },
      },
      ignoreSubscribeMessages: true,
    });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    const draining = consumer.drain(LONG);
    await bench.truth({});
    expect([seen, consumer.closed]).toEqual([[], false]);
    held.open();
    await deadline(draining, PATIENCE, "the drain");
    expect(seen).toEqual(["1", "2", "3"]);
    expect(consumer.closed).toBe(true);
  });

  test("a consumer of handlers alone is drained when they are done, though nobody reads confirmations", async () => {
    const seen: string[] = [];
    const consumer = await bench.consumer({ channelHandlers: { a: ({ data }) => seen.push(data) } });
    await bench.publish("a", "1");
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
    expect(seen).toEqual(["1"]);
  });

  test("what is not done by the deadline is abandoned", async () => {
    const held = gate();
    const seen: string[] = [];
    const consumer = await bench.consumer({
      channels: "queue",
      channelHandlers: {
        a: async ({ data }) => {
          seen.push(data);
          await held.passed;
        },
      },
    });
    for (const [channel, payload] of ["a1", "a2", "q3"].map((word) => [...word])) {
      await bench.publish(channel === "q" ? "queue" : "a", String(payload));
    }
    await consumer.subscribe("b");
    await deadline(consumer.drain({ timeout: 20 }), PATIENCE, "the deadline");
    expect([consumer.closed, seen]).toEqual([true, ["1"]]);
    expect(await rejection(consumer.receive())).toBeInstanceOf(ClosedError);
    held.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["1"]);
  });

  test("awaited inside a handler it settles at its deadline", async () => {
    const done: string[] = [];
    const consumer = await bench.consumer();
    await consumer.subscribe("a", async () => {
      await consumer.drain({ timeout: 20 });
      done.push("drained");
    });
    await bench.publish("a", "1");
    await eventually(() => expect(done).toEqual(["drained"]));
    expect(consumer.closed).toBe(true);
  });

  test("is idempotent, and a close ends it early", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await bench.publish("a", "unread");
    await consumer.subscribe("b");
    const draining = [consumer.drain(LONG), consumer.drain(LONG), consumer.drain()];
    await bench.truth({});
    expect(consumer.closed).toBe(false);
    await consumer.close();
    await deadline(Promise.all(draining), PATIENCE, "the drains");
    await consumer.drain();
    expect(consumer.closed).toBe(true);
  });

  test("a consumer with nothing to do is drained at once", async () => {
    const consumer = await bench.consumer();
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
    expect(consumer.closed).toBe(true);
  });

  test("a consumer that was never opened can be drained", async () => {
    const consumer = bench.unopened({ channels: "a" });
    await deadline(consumer.drain(LONG), PATIENCE, "the drain");
    expect(consumer.closed).toBe(true);
    expect(await bench.connections()).toEqual([]);
  });

  test("a draining consumer takes no new names", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await bench.publish("a", "unread");
    await consumer.subscribe("b");
    const draining = consumer.drain(LONG);
    expect(await rejection(consumer.subscribe("c"))).toBeInstanceOf(ClosedError);
    if (bench.patterns) expect(await rejection(consumer.psubscribe("c"))).toBeInstanceOf(ClosedError);
    expect(await consumer.receive({ timeout: PATIENCE })).toEqual(message("a", "unread"));
    await deadline(draining, PATIENCE, "the drain");
  });

  test("the connection goes back to the pool", async () => {
    const client = bench.client();
    const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    const [before] = await bench.connections();
    await consumer.drain(LONG);
    await client.pubsub({ channels: "b" });
    expect((await bench.connections()).map(({ id }) => id)).toEqual([before?.id]);
  });

  test.each([{ timeout: -1 }, { timeout: "1" }, { timeot: 1 }, null, 5] as unknown[])(
    "options such as %o are refused, and the consumer goes on",
    async (options) => {
      const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
      expect(await rejection(Promise.resolve().then(() => consumer.drain(options as object)))).toMatchObject({
        code: "ARGUMENT",
      });
      await consumer.subscribe("b");
      await bench.publish("b", "1");
      expect(await receiveMany(consumer, 1)).toEqual([message("b", "1")]);
      await deadline(consumer.drain(LONG), PATIENCE, "the drain");
      expect(consumer.closed).toBe(true);
    },
  );
});
