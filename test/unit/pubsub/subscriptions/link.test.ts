import { expect, test, vi } from "vitest";
import { PubSub } from "../../../../src/pubsub/consumer/pubsub.ts";
import { SimulatedServer } from "../../../support/simulated-server.ts";

async function open(options: object = {}, defaults: object = {}) {
  const server = new SimulatedServer();
  const consumer = await new PubSub(server.client(defaults), options).open();
  return { server, consumer };
}

test("failed attempts are told with their causes, and the first connection counts", async () => {
  const server = new SimulatedServer();
  server.reachable = false;
  const consumer = new PubSub(server.client(), { channels: ["a"] });
  const opened = consumer.open();
  await vi.waitFor(() => expect(server.retries.length).toBeGreaterThan(2));
  expect(String(server.retries[0])).toContain("ECONNREFUSED");
  server.reachable = true;
  await opened;
  expect(consumer.stats().reconnects).toBe(0);
});

test("a restoration that falls silent costs its connection, and the next one restores", async () => {
  const { server, consumer } = await open({ channels: ["a"] }, { subscriptionTimeout: 20 });
  server.answers = false;
  server.last.destroy();
  await vi.waitFor(() => expect(server.connections.length).toBeGreaterThan(2));
  expect(String(server.connections[1]?.reason)).toContain("No confirmation for 20 ms");
  server.answers = true;
  await vi.waitFor(() => expect(server.publish("a", "again")).toBe(1));
  await vi.waitFor(() => expect(consumer.state).toBe("live"));
});

test("nothing of an old connection is applied to the next", async () => {
  const { server, consumer } = await open({ channels: ["a"] });
  const old = server.last;
  old.destroy();
  await vi.waitFor(() => expect(consumer.state).toBe("live"));
  const { received } = consumer.stats();
  expect(old.publish("a", "late")).toBe(0);
  expect(consumer.stats().received).toBe(received);
});

test("reading stops when the buffer is full, goes on when it is read, and a cut soon after is put down to it", async () => {
  const { server, consumer } = await open({ channels: ["a"], ignoreSubscribeMessages: true, buffer: { limit: 2 } });
  const gaps: string[] = [];
  consumer.on("gap", ({ cause }) => gaps.push(cause));
  consumer.on("pause", () => {});
  for (const text of ["1", "2", "3"]) server.publish("a", text);
  expect(server.last.paused).toBe(true);
  for (const text of ["1", "2", "3"]) expect((await consumer.receive()).data).toBe(text);
  expect(server.last.paused).toBe(false);
  server.last.destroy();
  await vi.waitFor(() => expect(gaps).toEqual(["server-overflow"]));
});

test("a connection that is given back fences no more and tells no demotion", async () => {
  const { server, consumer } = await open({ channels: ["a"] });
  const errors: Error[] = [];
  consumer.on("error", (error) => errors.push(error));
  const connection = server.last;
  expect(connection.fencing).toBe(true);
  connection.role.demoted(new Error("demoted"));
  expect(errors).toHaveLength(1);
  await consumer.close();
  expect(connection.fencing).toBe(false);
  connection.role.demoted(new Error("demoted"));
  expect(errors).toHaveLength(1);
});

test("confirmations that no command asked for are passed over", async () => {
  const { server, consumer } = await open({ channels: ["a"], ignoreSubscribeMessages: true });
  server.last.pushes?.confirmation("subscribe", "other", 2);
  server.last.pushes?.confirmation("unsubscribe", null, 0);
  expect(server.publish("a", "1")).toBe(1);
  expect((await consumer.receive()).data).toBe("1");
});
