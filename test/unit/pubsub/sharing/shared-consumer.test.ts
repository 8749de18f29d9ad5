import { expect, test, vi } from "vitest";
import { PubSub } from "../../../../src/pubsub/consumer/pubsub.ts";
import type { SubscriberSource } from "../../../../src/pubsub/consumer/source.ts";
import { SimulatedServer } from "../../../support/simulated-server.ts";

async function openAll(...channels: string[][]) {
  const server = new SimulatedServer();
  const client = server.client();
  const consumers = await Promise.all(channels.map((names) => join(client, names)));
  return { server, client, consumers };
}

function join(client: SubscriberSource, channels: string[], options: object = {}): Promise<PubSub> {
  return new PubSub(client, { shared: true, ignoreSubscribeMessages: true, channels, ...options }).open();
}

test("consumers share one connection, and each hears its own names", async () => {
  const { server, consumers } = await openAll(["a", "b"], ["b", "c"]);
  const [one, two] = consumers as [PubSub, PubSub];
  expect(server.connections).toHaveLength(1);
  for (const channel of ["a", "b", "c"]) expect(server.publish(channel, channel)).toBe(1);
  expect([(await one.receive()).data, (await one.receive()).data]).toEqual(["a", "b"]);
  expect([(await two.receive()).data, (await two.receive()).data]).toEqual(["b", "c"]);
  expect(one.nodes).toHaveLength(1);
});

test("a name is unsubscribed at the server with its last consumer, and the connection goes with the last of them", async () => {
  const { server, consumers } = await openAll(["a"], ["a"]);
  const [one, two] = consumers as [PubSub, PubSub];
  await one.unsubscribe("a");
  expect(server.publish("a", "1")).toBe(1);
  await one.close();
  expect(server.released).toEqual([]);
  await two.close();
  expect(server.released).toEqual([server.last]);
});

test("a name that is live already is confirmed by a fence, with the consumer's own count, and sends nothing", async () => {
  const { server, client } = await openAll(["a"]);
  const sent = server.last.sent.length;
  const consumer = await join(client, ["a"], { ignoreSubscribeMessages: false });
  expect(server.last.sent).toHaveLength(sent);
  expect(await consumer.getMessage()).toEqual({ type: "subscribe", pattern: null, channel: "a", data: 1 });
});

test("a loss is a gap of each consumer, for its own names", async () => {
  const { server, consumers } = await openAll(["a"], ["b"]);
  const gaps: unknown[][] = consumers.map(() => []);
  for (const [index, consumer] of consumers.entries()) {
    consumer.on("gap", ({ channels }) => gaps[index]?.push(...channels));
  }
  server.last.destroy();
  await vi.waitFor(() => expect(gaps).toEqual([["a"], ["b"]]));
  expect(consumers.map(({ state }) => state)).toEqual(["live", "live"]);
});

test("a denied name rejects the call that asked, with its names, and leaves the others", async () => {
  const { server, consumers } = await openAll(["a"], ["b"]);
  const [one] = consumers as [PubSub];
  server.denied.add("bad");
  await expect(one.subscribe(["good", "bad"])).rejects.toMatchObject({ code: "NOPERM", names: ["bad"] });
  expect([...one.channels.keys()]).toEqual(["a"]);
  expect([server.publish("a", ""), server.publish("b", "")]).toEqual([1, 1]);
});

test("a consumer whose buffer may not overflow fails alone, and comes back by retry() with its gap", async () => {
  const server = new SimulatedServer();
  const client = server.client();
  const strict = await join(client, ["a"], { buffer: { limit: 1, overflow: "error" } });
  const other = await join(client, ["a"]);
  strict.on("error", () => {});
  const gaps: string[] = [];
  strict.on("gap", ({ cause }) => gaps.push(cause));
  server.publish("a", "1");
  server.publish("a", "2");
  await vi.waitFor(() => expect(strict.state).toBe("failed"));
  expect(other.state).toBe("live");
  expect([(await other.receive()).data, (await other.receive()).data]).toEqual(["1", "2"]);
  expect((await strict.receive()).data).toBe("1");
  await strict.retry();
  expect(strict.state).toBe("live");
  expect(gaps).toEqual(["overflow"]);
  server.publish("a", "3");
  expect((await strict.receive()).data).toBe("3");
});

test("calls before the opening wait for it, within readyTimeout", async () => {
  const server = new SimulatedServer();
  const client = server.client({ readyTimeout: 20 });
  const consumer = new PubSub(client, { shared: true });
  await expect(consumer.subscribe("a")).rejects.toThrow("was not opened within 20 ms");
  const opened = new PubSub(client, { shared: true });
  const subscribed = opened.subscribe("a");
  await opened.open();
  await subscribed;
  expect(server.publish("a", "1")).toBe(1);
});

test("what is withdrawn while a call enters its names is not subscribed", async () => {
  const { server, consumers } = await openAll(["a"]);
  const [one] = consumers as [PubSub];
  server.answers = false;
  const subscribed = one.subscribe("b");
  const unsubscribed = one.unsubscribe("b");
  server.answers = true;
  server.last.answer();
  server.last.answer();
  await Promise.all([subscribed, unsubscribed]);
  expect(server.publish("b", "")).toBe(0);
});
