import { PubSubError } from "tidings";
import { expect, test } from "vitest";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/redis-server.ts";
import { onEveryClusterProtocol } from "./cluster-fixtures.ts";
import { ClusterWitness } from "./cluster-witness.ts";
import { onEveryProtocol } from "./fixtures.ts";

onEveryProtocol("a primary that becomes a replica under live connections", (bench) => {
  test("is told once by those that may ask, and told again when it happens again", async () => {
    await using primary = await startServer();
    const client = bench.client();
    const told: unknown[] = [];
    const heard: unknown[] = [];
    client.on("error", (error) => told.push(error));
    await client.connect();
    const consumer = await client.pubsub({ channels: "a", maxIdle: 50, ignoreSubscribeMessages: true });
    consumer.on("error", (error) => heard.push(error));
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    // In RESP2 a connection that subscribes may not ask.
    const times = bench.protocol === 3 ? 1 : 0;
    for (const round of [1, 2]) {
      await bench.control.command("REPLICAOF", "127.0.0.1", String(primary.port));
      await eventually(() => expect(heard).toHaveLength(round * times));
      for (let i = 0; i < 20; i++) {
        await client.publish("a", `${round}-${i}`);
        expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: `${round}-${i}` });
      }
      await bench.control.command("REPLICAOF", "NO", "ONE");
      if (times > 0) await anotherAnswer(consumer);
    }
    expect(heard).toHaveLength(2 * times);
    for (const error of heard) {
      expect(error).toBeInstanceOf(PubSubError);
      expect(String(error)).toContain(`127.0.0.1:${bench.server.port} was a primary and is a replica now`);
    }
    expect([told, states]).toEqual([[], []]);
    await consumer.close();
  });

  /** Waits until the consumer's connection has asked at least once more, by the server's count. */
  async function anotherAnswer(consumer: { readonly closed: boolean }): Promise<void> {
    const asked = async () =>
      /cmdstat_hello:calls=(\d+)/.exec(String(await bench.control.command("INFO", "commandstats")));
    const before = Number((await asked())?.[1] ?? 0);
    await eventually(async () => expect(Number((await asked())?.[1] ?? 0)).toBeGreaterThan(before + 1));
    expect(consumer.closed).toBe(false);
  }

  test("is no matter to who may not ask, and disturbs nobody", async () => {
    await bench.control.command("ACL", "SETUSER", "default", "-hello");
    const client = bench.client();
    const consumer = await client.pubsub({
      channels: "a",
      maxIdle: 20,
      pingTimeout: 500,
      ignoreSubscribeMessages: true,
    });
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    consumer.on("error", (error) => states.push(String(error)));
    const pings = async () =>
      Number(/cmdstat_ping:calls=(\d+)/.exec(String(await bench.control.command("INFO", "commandstats")))?.[1] ?? 0);
    const before = await pings();
    await eventually(async () => expect(await pings()).toBeGreaterThan(before + 5));
    await client.publish("a", "x");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "x" });
    expect(states).toEqual([]);
  });
});

onEveryClusterProtocol("a primary of a cluster that becomes a replica", (bench) => {
  test("is left by a classic consumer that wants a primary, and not by one that reads from replicas", {
    timeout: 60_000,
  }, async () => {
    const { cluster, protocol } = bench;
    const [through] = cluster.primaries as [ClusterNode];
    // In RESP2 a connection that subscribes may not ask; the topology tells.
    const client = bench.client({ topologyRefreshInterval: protocol === 3 ? 60_000 : 500 });
    const witness = await ClusterWitness.classic(client, through, { channels: ["classic"], options: { maxIdle: 200 } });
    const other = await client.pubsub({ channels: "other", readFromReplicas: true, maxIdle: 200 });
    const states: string[] = [];
    other.on("state", (state) => states.push(state));
    await witness.receives(10);
    const home = await homeOf("classic");
    const [replica] = cluster.replicasOf(home) as [ClusterNode];
    await cluster.failover(replica, "default");
    await eventually(async () => {
      const now = await homeOf("classic");
      expect(now.name).not.toBe(home.name);
      expect(cluster.primaries.map(({ name }) => name)).toContain(now.name);
    });
    await witness.live();
    await witness.receives(10);
    await witness.verify();
    expect([witness.errors, states]).toEqual([[], []]);
  });

  async function homeOf(channel: string): Promise<ClusterNode> {
    for (const node of bench.cluster.living) {
      if (String(await node.control.command("PUBSUB", "NUMSUB", channel)) === `${channel},1`) return node;
    }
    throw new Error("no node serves the channel");
  }
});
