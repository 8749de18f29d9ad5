import { ClosedError, ClusterError, RedisCluster } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { lacks } from "../../support/server-features.ts";
import { onCluster, rejection, seedUrl } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

/** The names of a client's events, in order. */
function record(client: RedisCluster): string[] {
  const events: string[] = [];
  for (const name of ["error", "connect", "ready", "reconnecting", "close"] as const) {
    client.on(name, () => events.push(name));
  }
  return events;
}

onCluster("state and events", (bench) => {
  test("idle until the first use, then connecting, live, closed", async () => {
    const client = bench.client();
    const events = record(client);
    expect(client.state).toBe("idle");
    for (const node of bench.cluster.nodes) expect(await bench.connections(node)).toEqual([]);
    const connecting = client.connect();
    expect(client.state).toBe("connecting");
    await connecting;
    expect(client.state).toBe("live");
    await client.close();
    expect(client.state).toBe("closed");
    // A second node is tried where the first takes its time.
    expect([...new Set(events)]).toEqual(["connect", "ready", "close"]);
  });

  shardTest("a consumer or a command is a use as well", async () => {
    for (const use of [
      (client: RedisCluster) => client.pubsub(),
      (client: RedisCluster) => client.shardedPubsub(),
      (client: RedisCluster) => client.publish("a", "x"),
      (client: RedisCluster) => client.spublish("a", "x"),
      (client: RedisCluster) => client.pubsubChannels(),
      (client: RedisCluster) => client.call("PING"),
    ]) {
      const client = bench.client();
      const used = use(client);
      expect(client.state).toBe("connecting");
      await used;
      expect(client.state).toBe("live");
    }
  });

  shardTest("reconnecting while a node that is used cannot be reached; no error is told", async () => {
    const [a] = bench.primaries;
    const client = bench.client({ retryPolicy: () => 20 });
    const [channel = ""] = bench.cluster.channelsFor(a, 1);
    await client.spublish(channel, "x");
    const events = record(client);
    for (const { id } of await bench.connections(a)) await a.control.command("CLIENT", "KILL", "ID", id);
    await eventually(() => expect(events).toContain("reconnecting"));
    expect(await client.spublish(channel, "y")).toBe(0);
    await eventually(() => expect(client.state).toBe("live"));
    expect(events).not.toContain("error");
    expect(events).toContain("ready");
  });

  test("failed when no node answers and the policy gives up; the next use tries again", async () => {
    const client = bench.clientOf(`redis://127.0.0.1:${await freePort()}`, { retryPolicy: () => null });
    expect(await rejection(client.connect())).toBeInstanceOf(ClusterError);
    expect(client.state).toBe("failed");
    expect(await rejection(client.pubsubNumpat())).toBeInstanceOf(ClusterError);
    await client.close();
    expect(client.state).toBe("closed");
  });

  shardTest("close closes all consumers, and is idempotent", async () => {
    const client = bench.client();
    const channels = bench.primaries.flatMap((node) => bench.cluster.channelsFor(node, 1));
    const consumers = await Promise.all([
      client.pubsub({ channels }),
      client.shardedPubsub({ channels }),
      client.shardedPubsub(),
    ]);
    let told = 0;
    client.on("close", () => told++);
    await Promise.all([client.close(), client.close(), client[Symbol.asyncDispose]()]);
    expect(consumers.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(told).toBe(1);
    for (const call of [
      client.connect(),
      client.publish("a", "x"),
      client.spublish("a", "x"),
      client.call("PING"),
      client.pubsubChannels(),
      client.pubsub(),
      client.shardedPubsub(),
    ]) {
      expect(await rejection(call)).toBeInstanceOf(ClosedError);
    }
  });

  test("close rejects what waits, and ends the search for a cluster", async () => {
    const client = bench.clientOf(`redis://127.0.0.1:${await freePort()}`, { retryPolicy: () => 20 });
    const waiting = [
      client.connect(),
      client.publish("a", "x"),
      client.spublish("a", "x"),
      client.call("PING"),
      client.pubsubChannels(),
      client.shardedPubsub({ channels: "a" }),
      client.pubsub({ channels: "a" }),
    ].map(rejection);
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(ClosedError);
  });

  shardTest("an aborted signal closes the client", async () => {
    const abort = new AbortController();
    const client = bench.client({ signal: abort.signal });
    const consumer = await client.shardedPubsub({ channels: ["a", "b", "c"] });
    abort.abort();
    await eventually(() => expect([client.state, consumer.closed]).toEqual(["closed", true]));
    expect(new RedisCluster(seedUrl(bench.cluster), { signal: AbortSignal.abort() }).state).toBe("closed");
  });

  shardTest("a client that is closed leaves no timer and no socket", async () => {
    using watch = watchResources();
    const client = new RedisCluster(seedUrl(bench.cluster), { topologyRefreshInterval: 50 });
    const channels = bench.primaries.flatMap((node) => bench.cluster.channelsFor(node, 2));
    const sharded = await client.shardedPubsub({ channels });
    await client.pubsub({ channels, patterns: "p*" });
    for (const channel of channels) await client.spublish(channel, "x");
    await client.pubsubNumsub(...channels);
    await sharded.unsubscribe();
    expect(watch.alive.length).toBeGreaterThan(0);
    await client.close();
    // Well before the commands' own limits.
    await watch.expectNone({ timeout: 3000 });
  });

  test("a client that was never used leaves nothing either", async () => {
    using watch = watchResources();
    const client = new RedisCluster(seedUrl(bench.cluster));
    await client.close();
    await watch.expectNone();
  });
});
