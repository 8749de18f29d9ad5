import { RedisCluster } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { oneNode } from "../support/fake-cluster.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";

/** How often a node may be asked in a second after the first time. */
const MOST = 10;
/** Milliseconds that are watched. */
const WATCHED = 2500;

/** A node that confirms shard channels and takes them back at once. */
async function startDismissing(dismissed: (channel: string) => boolean = () => true): Promise<FakeServer> {
  const server = await startFakeServer();
  server.handle(
    "CLUSTER",
    oneNode(() => server.port),
  );
  server.handle("SSUBSCRIBE", ({ args }, connection) => {
    connection.subscribe("s", args);
    const back = args.filter(dismissed);
    if (back.length > 0) connection.unsubscribe("s", back);
  });
  return server;
}

/** When each SSUBSCRIBE for the channel was received. */
function asks(server: FakeServer, channel: string): number[] {
  return server.commands
    .filter(({ name, args }) => name === "SSUBSCRIBE" && args.includes(channel))
    .map(({ at }) => at);
}

/** The most that fall into any second. */
function busiest(times: readonly number[]): number {
  return Math.max(0, ...times.map((begin) => times.filter((time) => time >= begin && time < begin + 1000).length));
}

// Row 61.
describe.each([3, 2] as const)("a node that confirms a shard channel and dismisses it at once (RESP%i)", (protocol) => {
  test("is asked again with pauses, and no more gaps are told, shared or not", async () => {
    const server = await startDismissing();
    const client = new RedisCluster({ seeds: [{ host: server.host, port: server.port }], protocol });
    client.on("error", () => {});
    const consumers = await Promise.all([
      client.shardedPubsub({ shared: false }),
      client.shardedPubsub({ shared: true }),
    ]);
    const channels = ["own", "shared"];
    const gaps = consumers.map((consumer, index) => {
      const times: number[] = [];
      consumer.on("error", () => {});
      consumer.on("gap", () => times.push(Date.now()));
      void consumer.subscribe(channels[index] ?? "").catch(() => {});
      return times;
    });
    await eventually(() => {
      for (const channel of channels) expect(asks(server, channel).length).toBeGreaterThanOrEqual(2);
    });
    const begin = performance.now();
    await eventually(() => expect(performance.now() - begin).toBeGreaterThan(WATCHED));
    for (const channel of channels) {
      const [, ...later] = asks(server, channel);
      expect(later.length).toBeGreaterThanOrEqual(1);
      expect(busiest(later)).toBeLessThanOrEqual(MOST);
    }
    for (const times of gaps) expect(busiest(times)).toBeLessThanOrEqual(MOST + 1);
    await client.close();
    await server.stop();
  });

  test("does not slow the channels that it keeps", async () => {
    let flaps = true;
    const server = await startDismissing((channel) => flaps && channel === "flapping");
    const client = new RedisCluster({ seeds: [{ host: server.host, port: server.port }], protocol });
    const consumer = await client.shardedPubsub({ channels: "steady", ignoreSubscribeMessages: true });
    void consumer.subscribe("flapping").catch(() => {});
    await eventually(() => expect(asks(server, "flapping").length).toBeGreaterThanOrEqual(3));
    expect(server.publish("steady", "1", "s")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "steady", data: "1" });
    expect(asks(server, "steady")).toHaveLength(1);
    flaps = false;
    await eventually(() => expect(server.publish("flapping", "2", "s")).toBe(1), { timeout: 15_000 });
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "flapping", data: "2" });
    await eventually(() => expect(consumer.state).toBe("live"));
    await client.close();
    await server.stop();
  });
});
