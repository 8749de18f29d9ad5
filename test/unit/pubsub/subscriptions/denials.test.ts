import { expect, test, vi } from "vitest";
import type { ServerError } from "../../../../src/errors.ts";
import { PubSub } from "../../../../src/pubsub/consumer/pubsub.ts";
import { SimulatedServer } from "../../../support/simulated-server.ts";

async function open(channels: string[] = []) {
  const server = new SimulatedServer();
  const consumer = await new PubSub(server.client(), { channels }).open();
  return { server, consumer };
}

test("denied names are found one by one, the call rejects with all of them, and its others are withdrawn", async () => {
  const { server, consumer } = await open(["kept"]);
  for (const name of ["bad 1", "bad 2"]) server.denied.add(name);
  const failure = await consumer.subscribe(["good", "bad 1", "kept", "bad 2"]).catch((error: ServerError) => error);
  expect(failure).toMatchObject({ code: "NOPERM", command: "SUBSCRIBE", names: ["bad 1", "bad 2"] });
  expect([...consumer.channels.keys()]).toEqual(["kept"]);
  await vi.waitFor(() => expect(server.publish("good", "no more")).toBe(0));
  expect(server.publish("kept", "still")).toBe(1);
  expect(consumer.denied.size).toBe(0);
});

test("only the calls that named a denied name reject", async () => {
  const { server, consumer } = await open();
  server.denied.add("bad");
  const [good, bad] = await Promise.allSettled([consumer.subscribe("good"), consumer.subscribe("bad")]);
  expect([good?.status, bad?.status]).toEqual(["fulfilled", "rejected"]);
  expect([...consumer.channels.keys()]).toEqual(["good"]);
});

test("confirmations of a call that is denied something else are not shown", async () => {
  const { server, consumer } = await open();
  server.denied.add("bad");
  await expect(consumer.subscribe(["good", "bad"])).rejects.toThrow("NOPERM");
  expect(await consumer.getMessage({ timeout: 0 })).not.toMatchObject({ type: "subscribe" });
});

test("a name that is denied while it is restored stays wanted, is told once, and lives again after retry()", async () => {
  const { server, consumer } = await open(["a", "b"]);
  const told: unknown[] = [];
  consumer.on("denied", (error) => told.push(error.names));
  server.denied.add("b");
  server.last.destroy();
  await vi.waitFor(() => expect(consumer.denied.size).toBe(1));
  expect(told).toEqual([["b"]]);
  expect(server.publish("a", "lives")).toBe(1);
  server.last.destroy();
  await vi.waitFor(() => expect(server.connections).toHaveLength(3));
  await vi.waitFor(() => expect(server.publish("a", "lives")).toBe(1));
  expect(told).toHaveLength(1);
  server.denied.clear();
  await consumer.retry();
  expect(consumer.denied.size).toBe(0);
  expect(server.publish("b", "again")).toBe(1);
});

test("what was being found out when the connection was lost is asked anew on the next", async () => {
  const { server, consumer } = await open();
  server.denied.add("bad");
  server.answers = false;
  const subscribed = consumer.subscribe(["good", "bad"]).catch((error: ServerError) => error);
  server.last.answer();
  expect(server.last.sent).toHaveLength(3);
  server.last.answer();
  server.answers = true;
  server.last.destroy();
  expect(await subscribed).toMatchObject({ code: "NOPERM", names: ["bad"] });
  expect(server.connections).toHaveLength(2);
  expect(consumer.channels.size).toBe(0);
});
