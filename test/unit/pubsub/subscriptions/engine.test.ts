import { describe, expect, test, vi } from "vitest";
import { PubSub } from "../../../../src/pubsub/consumer/pubsub.ts";
import { SimulatedServer } from "../../../support/simulated-server.ts";

async function open(options: object = {}) {
  const server = new SimulatedServer();
  const consumer = await new PubSub(server.client(), options).open();
  return { server, consumer };
}

test("names are subscribed in one command of their kind, and delivered", async () => {
  const { server, consumer } = await open({ channels: ["a", "b"], patterns: ["p*"] });
  expect(server.last.sent).toEqual([
    { verb: "SUBSCRIBE", names: ["a", "b"] },
    { verb: "PSUBSCRIBE", names: ["p*"] },
  ]);
  expect(consumer.state).toBe("live");
  expect(consumer.nodes).toEqual([{ host: "127.0.0.1", port: 6379 }]);
  server.publish("a", "1");
  server.publish("px", "2");
  const received = [await consumer.receive(), await consumer.receive()];
  expect(received.map(({ channel, data }) => [channel, data])).toEqual([
    ["a", "1"],
    ["px", "2"],
  ]);
});

test("a subscribed name is asked for again, and stays one entry", async () => {
  const { server, consumer } = await open({ channels: ["a"] });
  await consumer.subscribe("a");
  expect(server.last.sent).toHaveLength(2);
  expect([...consumer.channels.keys()]).toEqual(["a"]);
});

test("what is wanted while no connection is there is subscribed when one comes", async () => {
  const server = new SimulatedServer();
  server.reachable = false;
  const consumer = new PubSub(server.client());
  const opened = consumer.open();
  const subscribed = consumer.subscribe("a");
  await vi.waitFor(() => expect(server.retries.length).toBeGreaterThan(1));
  expect(consumer.state).toBe("connecting");
  server.reachable = true;
  await Promise.all([opened, subscribed]);
  expect(server.last.sent).toEqual([{ verb: "SUBSCRIBE", names: ["a"] }]);
});

test("a lost connection is followed by another that has everything, with one gap a command", async () => {
  const { server, consumer } = await open({ channels: ["a", "b"], patterns: ["p*"] });
  const gaps: unknown[] = [];
  const states: unknown[] = [];
  consumer.on("gap", ({ cause, channels, patterns }) => gaps.push([cause, channels, patterns]));
  consumer.on("state", (state, { previous, retryIn }) => states.push([previous, state, retryIn]));
  const first = server.last;
  first.destroy();
  await vi.waitFor(() => expect(consumer.state).toBe("live"));
  await vi.waitFor(() => expect(gaps).toHaveLength(2));
  expect(server.last).not.toBe(first);
  expect(gaps).toEqual([
    ["disconnected", ["a", "b"], []],
    ["disconnected", [], ["p*"]],
  ]);
  expect(states).toEqual([
    ["live", "reconnecting", 1],
    ["reconnecting", "live", null],
  ]);
  expect(server.publish("a", "again")).toBe(1);
  expect(consumer.stats()).toMatchObject({ reconnects: 1, gaps: 2 });
});

test("a name that is unsubscribed while the link is down is not restored; its gap is told", async () => {
  const { server, consumer } = await open({ channels: ["a", "b"] });
  const gaps: unknown[] = [];
  consumer.on("gap", ({ channels }) => gaps.push(...channels));
  server.reachable = false;
  server.last.destroy();
  await vi.waitFor(() => expect(consumer.state).toBe("reconnecting"));
  await consumer.unsubscribe("a");
  expect(gaps).toEqual(["a"]);
  server.reachable = true;
  await vi.waitFor(() => expect(gaps).toEqual(["a", "b"]));
  expect(server.last.sent).toEqual([{ verb: "SUBSCRIBE", names: ["b"] }]);
});

describe("close", () => {
  test("unsubscribes nothing by itself, rejects what waits, gives the connection back", async () => {
    const { server, consumer } = await open({ channels: ["a"] });
    server.answers = false;
    const pending = consumer.subscribe("b");
    const closed = vi.fn();
    consumer.on("close", closed);
    await Promise.all([expect(pending).rejects.toThrow("The consumer was closed."), consumer.close()]);
    expect(server.released).toEqual([server.last]);
    expect([consumer.state, consumer.channels.size, consumer.denied.size]).toEqual(["closed", 0, 0]);
    expect(closed).toHaveBeenCalledTimes(1);
    await expect(consumer.subscribe("a")).rejects.toThrow("closed");
  });

  test("by a listener of the state ends what was on its way", async () => {
    const { server, consumer } = await open({ channels: ["a"] });
    consumer.on("state", () => void consumer.close());
    server.last.destroy();
    await vi.waitFor(() => expect(consumer.closed).toBe(true));
    expect(server.connections).toHaveLength(1);
  });
});

describe("failing", () => {
  test("a policy that gives up fails the consumer and its calls; retry() takes it up again", async () => {
    const server = new SimulatedServer();
    const consumer = await new PubSub(server.client(), {
      channels: ["a"],
      retryPolicy: () => (server.reachable ? 1 : null),
    }).open();
    consumer.on("error", () => {});
    server.reachable = false;
    server.last.destroy();
    await vi.waitFor(() => expect(consumer.state).toBe("failed"));
    await expect(consumer.subscribe("b")).rejects.toThrow("closed by the server");
    await expect(consumer.receive()).rejects.toThrow("closed by the server");
    server.reachable = true;
    await consumer.retry();
    expect(consumer.state).toBe("live");
    expect(server.last.sent).toEqual([{ verb: "SUBSCRIBE", names: ["a"] }]);
  });
});

describe("time", () => {
  test("a subscribe that is not confirmed rejects, and withdraws what only it wanted", async () => {
    const server = new SimulatedServer();
    const consumer = await new PubSub(server.client({ subscriptionTimeout: 30 }), { channels: ["a"] }).open();
    server.answers = false;
    await expect(consumer.subscribe(["a", "b"])).rejects.toThrow(/No confirmation for "a", "b" .* within 30 ms/);
    expect([...consumer.channels.keys()]).toEqual(["a"]);
  });

  test("an unsubscribe resolves in its time, and the connection serves no other consumer after it", async () => {
    const server = new SimulatedServer();
    const consumer = await new PubSub(server.client({ unsubscriptionTimeout: 20 }), { channels: ["a"] }).open();
    server.answers = false;
    await consumer.unsubscribe("a");
    expect(server.last.unclean).toBe(true);
    expect(server.last.sent.at(-1)).toEqual({ verb: "UNSUBSCRIBE", names: ["a"] });
  });
});
