import { ArgumentError, type Gap, Redis } from "tidings";
import { afterEach, describe, expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { onEveryKind } from "./bench.ts";

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
