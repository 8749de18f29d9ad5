import { ArgumentError, ClosedError, type Gap, Redis } from "tidings";
import { afterEach, describe, expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { onEveryKind, PATIENCE, rejection } from "./fixtures.ts";

onEveryKind("a listener that acts in the middle of a change", (bench) => {
  const quick = { retryPolicy: () => 20 };

  test("may close the consumer when a gap is told; nothing is yielded afterwards", async () => {
    const consumer = await bench.client(quick).pubsub({ channels: "a" });
    consumer.on("gap", () => void consumer.close());
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.closed).toBe(true));
    expect(await consumer[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
    expect(consumer.state).toBe("closed");
  });

  test("may close it at the last loss; it stays closed, and no error follows", async () => {
    const consumer = await bench.client({ retryPolicy: () => null }).pubsub({ channels: "a" });
    const seen: string[] = [];
    consumer.on("error", () => seen.push("error"));
    consumer.on("state", (state) => {
      seen.push(state);
      void consumer.close();
    });
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.closed).toBe(true));
    await consumer.close();
    expect(seen).toEqual(["reconnecting", "closed"]);
  });

  test("may retry when the consumer fails, and the retry counts", async () => {
    let attempts = 0;
    const policy = () => (attempts++ === 0 ? null : 20);
    const consumer = await bench
      .client({ retryPolicy: policy })
      .pubsub({ channels: "a", ignoreSubscribeMessages: true });
    const retried = new Promise<void>((resolve, reject) => {
      consumer.on("state", (state) => {
        if (state === "failed") consumer.retry().then(resolve, reject);
      });
    });
    await killSubscribers(bench.control);
    await retried;
    await bench.publish("a", "again");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "again" });
  });

  test("may close again while it is told of the close; it is told once", async () => {
    const consumer = await bench.client().pubsub({ channels: "a" });
    let closes = 0;
    consumer.on("close", () => closes++);
    consumer.on("state", () => void consumer.close());
    await consumer.close();
    await consumer.close();
    expect(closes).toBe(1);
  });
});

onEveryKind(
  "a handler that runs in the middle of a call",
  (bench) => {
    /** A consumer whose queue is full with a message of "q", while one for the handler of "t" is held back. */
    const full = async (handler: () => void) => {
      const consumer = await bench.consumer({
        buffer: { limit: 1, overflow: "pause" },
        ignoreSubscribeMessages: true,
        channels: ["q", "x"],
        channelHandlers: { t: handler },
      });
      const paused = new Promise((resolve) => consumer.once("pause", () => resolve(null)));
      await bench.control.command("EVAL", "redis.call('publish', 'q', '1') redis.call('publish', 't', '2')", 0);
      await paused;
      return consumer;
    };

    test("may subscribe what is being unsubscribed: the later call holds", async () => {
      const taken: string[] = [];
      let calling = false;
      let inside = false;
      let subscribing: Promise<void> | undefined;
      const consumer = await full(() => {
        inside = calling;
        subscribing = consumer.subscribe("x", ({ data }) => void taken.push(data));
      });
      calling = true;
      const unsubscribing = consumer.unsubscribe("x");
      calling = false;
      expect(inside).toBe(true);
      expect(consumer.channels.has("x")).toBe(true);
      await Promise.all([unsubscribing, subscribing]);
      await bench.truth({ channels: ["q", "t", "x"] });
      await bench.publish("x", "new");
      await consumer.receive();
      await eventually(() => expect(taken).toEqual(["new"]));
    });

    test("is refused a subscribe by a drain, which does not wait for it", async () => {
      let refused: Promise<unknown> | undefined;
      const consumer = await full(() => {
        refused ??= rejection(consumer.subscribe("y"));
      });
      const draining = consumer.drain({ timeout: 2 ** 30 });
      expect(await refused).toBeInstanceOf(ClosedError);
      expect((await consumer.receive()).data).toBe("1");
      await deadline(draining, PATIENCE, "the drain to end");
    });
  },
  { kinds: ["server"] },
);

onEveryKind(
  "a listener that acts while a failed consumer is taken up again",
  (bench) => {
    const failed = async () => {
      const client = bench.client();
      const consumer = await client.pubsub({ buffer: { limit: 1, overflow: "error" }, channels: ["a", "b"] });
      const error = new Promise((resolve) => consumer.once("error", resolve));
      for (let count = 0; count < 3; count++) await bench.publish("a", "x");
      await error;
      return consumer;
    };

    test("may close it: it stays closed, and nothing connects", async () => {
      const consumer = await failed();
      consumer.on("state", (state) => {
        if (state === "reconnecting") void consumer.close();
      });
      expect(await rejection(consumer.retry())).toBeInstanceOf(ClosedError);
      await consumer.close();
      expect(consumer.state).toBe("closed");
      await bench.truth({});
    });

    test("may unsubscribe a name, which is not asked for again", async () => {
      const consumer = await failed();
      consumer.on("state", (state) => {
        if (state === "reconnecting") void consumer.unsubscribe("a");
      });
      await consumer.retry();
      expect([...consumer.channels.keys()]).toEqual(["b"]);
      await bench.truth({ channels: ["b"] });
    });
  },
  { kinds: ["server"] },
);

describe("a server that is busy while subscriptions are restored", () => {
  let fake: FakeServer;
  afterEach(() => fake[Symbol.asyncDispose]());

  test("is left, and the gap is told once the names are back", async () => {
    let refusals = 2;
    fake = await startFakeServer({
      handlers: {
        SUBSCRIBE: (command, connection) => {
          if (connection.id !== fake.accepted[0]?.id && refusals-- > 0) connection.write("-BUSY a script runs\r\n");
          else fake.respond(command, connection);
        },
      },
    });
    await using client = new Redis(fake.url, { retryPolicy: () => 20 });
    await using consumer = await client.pubsub({ channels: "a" });
    const seen: string[] = [];
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("state", (state) => seen.push(state));
    consumer.on("gap", (gap) => gaps.push(gap));
    fake.latest?.reset();
    await eventually(() => expect(gaps).toHaveLength(1));
    expect(gaps[0]?.channels).toEqual(["a"]);
    await eventually(() => expect(seen).toEqual(["reconnecting", "live"]));
  });
});

describe("bytes that are published", () => {
  test("are those of the call, whether there is a connection or not; what cannot be sent harms nobody", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url);
    const data = Buffer.from("one");
    const sent = [client.publish("a", data)];
    data.write("two");
    sent.push(client.publish("a", data));
    await Promise.all(sent);
    const payloads = fake.commands.filter((command) => command.name === "PUBLISH");
    expect(payloads.map(({ args }) => args.at(-1))).toEqual(["one", "two"]);

    const gone = new Uint8Array([1, 2, 3]);
    structuredClone(gone, { transfer: [gone.buffer] });
    const large = new Uint8Array(20_000);
    structuredClone(large, { transfer: [large.buffer] });
    const refused = { status: "rejected", reason: expect.any(ArgumentError) };
    for (const publisher of [client, new Redis(fake.url)]) {
      const sending = ["x", gone, large, "y"].map((payload) => publisher.publish("a", payload));
      const [before, small, big, behind] = await Promise.allSettled(sending);
      expect([before?.status, behind?.status]).toEqual(["fulfilled", "fulfilled"]);
      expect([small, big]).toEqual([refused, refused]);
      await publisher.close();
    }
  });
});
