import { expect, test, vi } from "vitest";
import { json } from "../../../../src/codec.ts";
import { PubSub } from "../../../../src/pubsub/consumer/pubsub.ts";
import type { Gap } from "../../../../src/pubsub/model/gap.ts";
import type { PublishedMessage } from "../../../../src/pubsub/model/message.ts";
import { SimulatedServer } from "../../../support/simulated-server.ts";

async function open(options: object = {}) {
  const server = new SimulatedServer();
  const consumer = await new PubSub(server.client(), { ignoreSubscribeMessages: true, ...options }).open();
  return { server, consumer };
}

test("confirmations and gaps lie in the stream where they are wanted, in their order", async () => {
  const { server, consumer } = await open({ channels: ["a"], ignoreSubscribeMessages: false, includeGaps: true });
  server.publish("a", "1");
  server.last.destroy();
  await vi.waitFor(() => expect(server.publish("a", "2")).toBe(1));
  const items = [];
  for (let index = 0; index < 5; index++) items.push((await consumer.getMessage())?.type);
  expect(items).toEqual(["subscribe", "message", "gap", "subscribe", "message"]);
});

test("messages of a handled name go to its handler alone; what it throws is an error, and the next one comes", async () => {
  const { server, consumer } = await open();
  const heard: string[] = [];
  const errors: unknown[] = [];
  consumer.on("error", (error) => errors.push(error));
  await consumer.subscribe("a", ({ data }) => {
    heard.push(data);
    if (data === "bad") throw new Error("no");
  });
  for (const text of ["bad", "good"]) server.publish("a", text);
  expect(heard).toEqual(["bad", "good"]);
  // Held until the call that registered the handler is over.
  await vi.waitFor(() => expect(errors).toMatchObject([{ code: "HANDLER", cause: { message: "no" } }]));
  expect(await consumer.getMessage({ timeout: 0 })).toBeNull();
  expect(consumer.stats()).toMatchObject({ received: 2, delivered: 2, pending: 0 });
});

test("a payload that the codec refuses is counted and told, and stops nothing", async () => {
  const { server, consumer } = await open({ channels: ["a"], codec: json() });
  const errors: unknown[] = [];
  consumer.on("error", (error) => errors.push(error));
  server.publish("a", "{");
  server.publish("a", "[1]");
  expect((await consumer.receive()).data).toEqual([1]);
  expect(errors).toMatchObject([{ code: "CODEC" }]);
  expect(consumer.stats()).toMatchObject({ received: 2, refused: 1, bytes: 4 });
});

test("a codec that decodes asynchronously refuses, and its promise rejects unheard", async () => {
  const codec = { decode: async () => Promise.reject(new Error("late")), encode: String };
  const { server, consumer } = await open({ channels: ["a"], codec });
  const errors: Error[] = [];
  consumer.on("error", (error) => errors.push(error));
  server.publish("a", "1");
  expect(errors[0]?.cause).toMatchObject({ message: expect.stringContaining("synchronous") });
});

test.each(["drop-oldest", "drop-newest"] as const)(
  "%s: one gap at the place of the drop, with its count",
  async (overflow) => {
    const { server, consumer } = await open({ channels: ["a"], includeGaps: true, buffer: { limit: 2, overflow } });
    for (const text of ["1", "2", "3", "4"]) server.publish("a", text);
    const read: (Gap | PublishedMessage)[] = [];
    while (read.length < 3) read.push(await consumer.receive());
    const shown = read.map((item) =>
      item.type === "gap" ? `${item.cause} ${item.dropped} ${item.certain}` : item.data,
    );
    const gap = "overflow 2 true";
    expect(shown).toEqual(overflow === "drop-oldest" ? [gap, "3", "4"] : ["1", "2", gap]);
    expect(consumer.stats()).toMatchObject({ dropped: 2, delivered: 2, gaps: 1 });
  },
);

test("drain lets what has arrived be read, and tells what it abandons", async () => {
  const { server, consumer } = await open({ channels: ["a"] });
  const gaps: unknown[] = [];
  consumer.on("gap", ({ cause, dropped }) => gaps.push([cause, dropped]));
  server.publish("a", "1");
  server.publish("a", "2");
  const drained = consumer.drain({ timeout: 50 });
  expect((await consumer.receive()).data).toBe("1");
  await drained;
  expect(consumer.closed).toBe(true);
  expect(gaps).toEqual([["drained", 1]]);
});

test("drain waits for a handler that is at work", async () => {
  const { server, consumer } = await open();
  let finish = (): void => {};
  const done: string[] = [];
  await consumer.subscribe("a", async ({ data }) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    done.push(data);
  });
  server.publish("a", "1");
  const drained = consumer.drain();
  await vi.waitFor(() => expect(server.last.sent.at(-1)?.verb).toBe("UNSUBSCRIBE"));
  expect(consumer.closed).toBe(false);
  finish();
  await drained;
  expect(done).toEqual(["1"]);
});

test("a failure is thrown after what is unread, and told where only handlers are fed", async () => {
  const server = new SimulatedServer();
  const consumer = await new PubSub(server.client(), { retryPolicy: () => null }).open();
  const errors: Error[] = [];
  consumer.on("error", (error) => errors.push(error));
  await consumer.subscribe("a", () => {});
  server.last.destroy();
  await vi.waitFor(() => expect(consumer.state).toBe("failed"));
  await vi.waitFor(() => expect(errors).toHaveLength(1));
});

test("losses that no one can see are warned of once", async () => {
  const warned: string[] = [];
  const listen = (warning: Error & { code?: string }): void => void warned.push(warning.code ?? "");
  process.on("warning", listen);
  const { server } = await open({ channels: ["a"], buffer: { limit: 1, overflow: "drop-oldest" } });
  for (const text of ["1", "2", "3", "4"]) server.publish("a", text);
  await vi.waitFor(() => expect(warned).toEqual(["TIDINGS_DROPPED"]));
  process.off("warning", listen);
});
