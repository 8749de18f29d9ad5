import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytes, Redis } from "../../../src/index.ts";
import { type ClientRecord, clientList, killClient } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

async function named(name: string): Promise<ClientRecord[]> {
  return (await clientList(server.control)).filter((record) => record.name === name);
}

/** The id of the connection that a new consumer of this client uses; the consumer is closed again. */
async function leaseOnce(client: Redis, channel: string): Promise<number> {
  await using _consumer = await client.pubsub({ channels: channel, patterns: `${channel}*` });
  // A connection that was destroyed in place of being kept is listed for a moment, with what it had.
  return await eventually(async () => {
    const subscribers = (await clientList(server.control)).filter(({ sub }) => sub > 0);
    expect(subscribers).toMatchObject([{ sub: 1, psub: 1 }]);
    return subscribers[0]?.id ?? 0;
  });
}

describe.each([2, 3] as const)("a consumer's connection (RESP%i)", (protocol) => {
  test("serves the next consumer, with no subscription left on it between the two", async () => {
    await using client = new Redis(server.url, { protocol, clientName: "reuse" });
    // To be kept it has to prove itself within 100 ms, which a busy machine may miss once.
    await eventually(async () => {
      const id = await leaseOnce(client, "first");
      const idle = await named("reuse");
      expect(idle).toEqual([expect.objectContaining({ id, sub: 0, psub: 0 })]);
      expect(await leaseOnce(client, "second")).toBe(id);
    });
  });

  test("brings nothing of its last consumer to the next", async () => {
    await using client = new Redis(server.url, { protocol });
    for (let round = 0; round < 5; round++) {
      await using consumer = await client.pubsub({ channels: `round-${round}`, ignoreSubscribeMessages: true });
      for (let other = 0; other < 5; other++) await client.publish(`round-${other}`, String(other));
      expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: String(round) });
      expect(await consumer.getMessage({ timeout: 0 })).toBeNull();
    }
  });
});

describe("no connection is kept", () => {
  test("with keep: 0", async () => {
    await using client = new Redis(server.url, { clientName: "keep-none", pool: { keep: 0 } });
    const id = await leaseOnce(client, "none");
    await eventually(async () => expect(await named("keep-none")).toEqual([]));
    expect(await leaseOnce(client, "none")).not.toBe(id);
  });

  test("beyond keep", async () => {
    await using client = new Redis(server.url, { clientName: "keep-two", pool: { keep: 2 } });
    const consumers = await Promise.all(Array.from({ length: 5 }, () => client.pubsub({ channels: "many" })));
    await eventually(async () => expect(await named("keep-two")).toHaveLength(5));
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await eventually(async () => expect((await named("keep-two")).length).toBeLessThanOrEqual(2));
  });

  test("beyond idleTimeout", async () => {
    await using client = new Redis(server.url, { clientName: "idle", pool: { idleTimeout: 100 } });
    await leaseOnce(client, "idle");
    await eventually(async () => expect(await named("idle")).toEqual([]));
  });

  test("that is in doubt: the server never confirmed an unsubscribe", async () => {
    await using fake = await startFakeServer({ handlers: { UNSUBSCRIBE: () => {}, PUNSUBSCRIBE: () => {} } });
    await using client = new Redis(fake.url);
    const consumer = await client.pubsub({ channels: "a", unsubscriptionTimeout: 20 });
    await consumer.unsubscribe("a").catch(() => {});
    await consumer.close();
    await fake.accepted[0]?.closed;
    fake.handle("UNSUBSCRIBE", undefined);
    await using _next = await client.pubsub({ channels: "a" });
    expect(fake.accepted).toHaveLength(2);
  });
});

describe("a pooled connection", () => {
  test("that died in the pool is not handed out", async () => {
    await using client = new Redis(server.url, { clientName: "dying" });
    const id = await eventually(async () => {
      const leased = await leaseOnce(client, "dying");
      expect(await named("dying")).toHaveLength(1);
      return leased;
    });
    await killClient(server.control, id);
    expect(await leaseOnce(client, "dying")).not.toBe(id);
  });

  test("that hangs is not handed out", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url);
    await eventually(async () => {
      const consumer = await client.pubsub({ channels: "a" });
      await consumer.close();
      expect(fake.connections).toHaveLength(1);
    });
    const hanging = fake.connections[0];
    fake.handle("PING", (command, connection) => {
      if (connection !== hanging) fake.respond(command, connection);
    });
    await using _next = await client.pubsub({ channels: "b" });
    expect(fake.connections).toHaveLength(1);
    expect(fake.connections[0]).not.toBe(hanging);
  });

  test("serves a consumer with another codec and other names", async () => {
    await using client = new Redis(server.url);
    await leaseOnce(client, "first");
    await using consumer = await client.pubsub({
      channels: "second",
      codec: bytes,
      names: "bytes",
      ignoreSubscribeMessages: true,
    });
    await client.publish("second", "x");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({
      channel: Buffer.from("second"),
      data: Buffer.from("x"),
    });
  });

  test("is closed with the client", async () => {
    const client = new Redis(server.url, { clientName: "pool-end" });
    await leaseOnce(client, "pool-end");
    await client.close();
    await eventually(async () => expect(await named("pool-end")).toEqual([]));
    expect(client.state).toBe("closed");
  });
});
