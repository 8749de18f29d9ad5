import { type Gap, PubSub, Redis, TimeoutError } from "tidings";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startProxy, type TcpProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { rejection } from "./fixtures.ts";

const READ = { timeout: 5000 };

describe.each([3, 2] as const)("shared consumers of one name (RESP%i)", (protocol) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let client: Redis;

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await startProxy(server.port);
    client = new Redis(`redis://127.0.0.1:${proxy.port}`, { protocol, retryPolicy: () => 20 });
  });
  afterEach(async () => {
    await proxy.heal();
    await client.close();
    await proxy.stop();
  });

  /** Publishes past the proxy. */
  const publish = (payload: string): Promise<unknown> => server.control.command("PUBLISH", "a", payload);

  test("one that subscribes gets nothing that was published before, though it is still on its way", async () => {
    const first = await client.subscribe("a");
    proxy.stall("toClient");
    await publish("before");
    const second = client.subscribe("a");
    await publish("between");
    await proxy.heal();
    expect((await first.receive(READ)).data).toBe("before");
    const late = await second;
    await publish("after");
    const seen: string[] = [];
    for (let data = ""; data !== "after"; seen.push(data)) data = (await late.receive(READ)).data;
    expect(seen).not.toContain("before");
  });

  test("one that unsubscribes is told what it missed on a connection whose loss was not noticed yet", async () => {
    const first = await client.subscribe("a");
    const second = await client.subscribe("a");
    const gaps: Gap<string | Buffer>[] = [];
    second.on("gap", (gap) => gaps.push(gap));
    proxy.stall("toClient");
    const sent = Date.now();
    await publish("lost");
    const unsubscribed = second.unsubscribe("a");
    await killSubscribers(server.control);
    proxy.cut();
    await unsubscribed;
    await eventually(() => expect(gaps).toMatchObject([{ cause: "disconnected", channels: ["a"] }]));
    expect(gaps[0]?.from).toBeLessThanOrEqual(sent);
    expect(gaps[0]?.to).toBeGreaterThanOrEqual(sent);
    await proxy.heal();
    await eventually(() => expect(first.state).toBe("live"));
    expect(gaps).toHaveLength(1);
  });

  test("one that has left before a loss is told no gap", async () => {
    const first = await client.subscribe("a");
    const second = await client.subscribe(["a", "b"]);
    const gaps: Gap<string | Buffer>[] = [];
    second.on("gap", (gap) => gaps.push(gap));
    await second.unsubscribe("a");
    const told = new Promise((resolve) => first.once("gap", resolve));
    await killSubscribers(server.control);
    await told;
    await eventually(() => expect(second.state).toBe("live"));
    expect(gaps.map(({ channels }) => channels)).toEqual([["b"]]);
  });

  test("each unsubscribes by its own time, not by that of the first", async () => {
    const [first, second] = [
      await client.pubsub({ shared: true, unsubscriptionTimeout: 20, channels: "a" }),
      await client.pubsub({ shared: true, unsubscriptionTimeout: 60_000, channels: "b" }),
    ];
    proxy.stall("toServer");
    let settled = false;
    const unsubscribed = second.unsubscribe("b").then(() => {
      settled = true;
    });
    await first.unsubscribe("a");
    expect(settled).toBe(false);
    await proxy.heal();
    await unsubscribed;
  });
});

describe("a consumer that is never opened", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test.each([true, false])("rejects its calls with how to open it (shared: %s)", async (shared) => {
    await using client = new Redis(server.url, { readyTimeout: 1000 });
    const consumer = new PubSub(client, { shared, channels: "a" });
    const error = await rejection(consumer.subscribe("b"));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(String(error)).toMatch(/was not opened within 1000 ms: await its open\(\)/);
    // What it was made with waits.
    await consumer.open();
    expect([...consumer.channels.keys()]).toEqual(["a"]);
  });

  test("holds no connection of the others when they are closed", async () => {
    const client = new Redis(server.url, { pool: { keep: 0 } });
    const forgotten = new PubSub(client, { shared: true, channels: "x" });
    const other = await client.subscribe("y");
    expect(await subscriberClients(server.control)).toHaveLength(1);
    await other.close();
    await eventually(async () => expect(await subscriberClients(server.control)).toEqual([]));
    await client.close();
    expect(forgotten.state).toBe("connecting");
  });
});

describe("shared consumers that are closed while a fence is awaited", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test("settle what was asked, and leave no connection", async () => {
    await using proxy = await startProxy(server.port);
    const client = new Redis(`redis://127.0.0.1:${proxy.port}`, { pool: { keep: 0 }, unsubscriptionTimeout: 10_000 });
    const first = await client.subscribe(["a", "b"]);
    const second = await client.subscribe(["a", "own"]);
    proxy.stall("toClient");
    const subscribing = rejection(second.subscribe("b"));
    const unsubscribing = rejection(second.unsubscribe(["a", "own"]));
    await Promise.all([second.close(), first.close()]);
    expect(await subscribing).toMatchObject({ code: "CLOSED" });
    expect(await unsubscribing).toMatchObject({ code: "CLOSED" });
    await client.close();
    await eventually(async () => expect(await subscriberClients(server.control)).toEqual([]));
  });
});
