import { ArgumentError, ClusterError, RedisCluster, ServerError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { freePort } from "../../support/free-port.ts";
import { startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { onCluster, rejection } from "./fixtures.ts";

const hostNameTest = test.skipIf(lacks("hostNames"));
const shardTest = test.skipIf(lacks("shardChannels"));

onCluster("seeds", (bench) => {
  shardTest("one is enough, and it may be a replica", async () => {
    for (const node of [bench.primaries[0], bench.cluster.replicas[0]]) {
      const client = bench.clientOf(node?.url ?? "");
      for (const channel of ["a", "b", "c", "d", "e"]) expect(await client.spublish(channel, "x")).toBe(0);
    }
  });

  test("several, some of them dead: any that answers will do", async () => {
    const [a, b] = bench.primaries;
    const dead = await freePort();
    const client = bench.clientOf(`redis://127.0.0.1:${dead},127.0.0.1:${a.announcedPort},127.0.0.1:${dead}`);
    expect(await client.connect()).toBe(client);
    const seeds = [dead, b.announcedPort].map((port) => ({ host: "127.0.0.1", port }));
    await using other = new RedisCluster({ seeds });
    expect(await other.publish("a", "x")).toBe(0);
  });

  test("a primary that accepts and never answers keeps nobody from connecting to another", async () => {
    await using silent = await startFakeServer({ handlers: { HELLO: () => {} } });
    for (const unreachable of bench.primaries) {
      const natMap = { [`127.0.0.1:${unreachable.announcedPort}`]: { host: "127.0.0.1", port: silent.port } };
      const seed = bench.primaries.find((node) => node !== unreachable)?.url ?? "";
      const client = bench.clientOf(seed, { natMap });
      expect(await client.connect()).toBe(client);
      await client.close();
    }
  });

  test("one that accepts and never answers delays nobody for long", async () => {
    await using silent = await startFakeServer({ handlers: { HELLO: () => {} } });
    const client = bench.clientOf(`redis://127.0.0.1:${silent.port},127.0.0.1:${bench.primaries[0].announcedPort}`);
    await client.connect();
    expect(client.state).toBe("live");
    await client.close();
  });

  test("all unreachable: one error names each, and why", async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    const client = bench.clientOf(`redis://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`, {
      connectTimeout: 300,
      readyTimeout: 300,
      retryPolicy: () => 20,
    });
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(ClusterError);
    for (const port of ports) expect(error.message).toContain(`127.0.0.1:${port}: `);
    expect(error.message.match(/ECONNREFUSED/g)).toHaveLength(3);
    expect(client.state).toBe("failed");
  });

  test("what nobody answers a command with is why it times out", async () => {
    const port = await freePort();
    const client = bench.clientOf(`redis://127.0.0.1:${port}`, { commandTimeout: 200, retryPolicy: () => 20 });
    const error = await rejection(client.publish("a", "x"));
    expect(error).toMatchObject({ code: "TIMEOUT" });
    expect(error.message).toContain(`127.0.0.1:${port}: `);
    const late = await rejection(client.pubsubNumpat());
    expect(late.message).toContain(`127.0.0.1:${port}: `);
  });

  test("a policy that gives up: the error at once", async () => {
    const port = await freePort();
    const client = bench.clientOf(`redis://127.0.0.1:${port}`, { retryPolicy: () => null });
    for (const attempt of [client.connect(), client.publish("a", "x"), client.call("PING"), client.shardedPubsub()]) {
      expect(await rejection(attempt)).toBeInstanceOf(ClusterError);
    }
  });

  test("one that is no cluster is told so, by name", async () => {
    await using server = await startServer();
    const client = bench.clientOf(server.url, { connectTimeout: 300, readyTimeout: 300, retryPolicy: () => 20 });
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(ClusterError);
    expect(error.message).toContain(`127.0.0.1:${server.port}: It is not a cluster; use Redis for a single server.`);
  });

  test("a login that all refuse is told as the server tells it, at once", async () => {
    const client = bench.client({ username: "nobody", password: "confidential" });
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ code: "WRONGPASS" });
    expect(String(error)).not.toContain("confidential");
  });

  test("a client that failed tries again at the next use", async () => {
    await using server = await startFakeServer();
    const client = bench.clientOf(`redis://127.0.0.1:${server.port}`, { retryPolicy: () => null });
    expect(await rejection(client.connect())).toBeInstanceOf(ClusterError);
    expect(client.state).toBe("failed");
    const [a] = bench.primaries;
    const nodes = [["127.0.0.1", a.announcedPort, a.id, []]];
    server.handle("CLUSTER", ({ args }, connection) => {
      if (args[0]?.toUpperCase() === "INFO") connection.write("$16\r\ncluster_state:ok\r\n");
      else if (args[0]?.toUpperCase() !== "SLOTS") connection.write("-ERR unknown subcommand\r\n");
      else {
        const [[host, port, id]] = nodes as [[string, number, string]];
        const row = `*3\r\n$${host.length}\r\n${host}\r\n:${port}\r\n$${id.length}\r\n${id}\r\n`;
        connection.write(`*1\r\n*3\r\n:0\r\n:16383\r\n${row}`);
      }
    });
    await client.connect();
    expect(client.state).toBe("live");
    await client.close();
  });

  test("wrong seeds are refused at once", () => {
    expect(() => new RedisCluster({ seeds: [] })).toThrow(ArgumentError);
    expect(() => new RedisCluster("redis://a,b", { seeds: [{ host: "c" }] })).toThrow(ArgumentError);
  });
});

onCluster("addresses that are announced and reached by others", (bench) => {
  hostNameTest.each([
    [
      "an object",
      (from: Map<string, number>) =>
        Object.fromEntries([...from].map(([key, port]) => [key, { host: "127.0.0.1", port }])),
    ],
    [
      "a function",
      (from: Map<string, number>) =>
        ({ host, port }: { readonly host: string; readonly port: number }) => ({
          host: "127.0.0.1",
          port: from.get(`${host}:${port}`) ?? 1,
        }),
    ],
  ])("natMap as %s leads to all nodes, on redirects too", async (_, make) => {
    const { cluster } = bench;
    const [a, b] = bench.primaries;
    const reached = new Map<string, number>();
    for (const [index, node] of cluster.nodes.entries()) {
      const announced = `node-${index + 1}.invalid`;
      reached.set(`${announced}:${node.announcedPort}`, node.announcedPort);
      await node.control.command("CONFIG", "SET", "cluster-announce-hostname", announced);
      await node.control.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname");
    }
    await eventually(async () => {
      for (const { control } of cluster.nodes) {
        const shards = JSON.stringify(await control.command("CLUSTER", "SHARDS"));
        for (const address of reached.keys()) expect(shards).toContain(`"${address.split(":")[0]}"`);
      }
    });
    const client = bench.clientOf(a.url, { natMap: make(reached), topologyRefreshInterval: 3_600_000 });
    const channels = bench.primaries.flatMap((node) => cluster.channelsFor(node, 1));
    await using consumer = await client.shardedPubsub({ channels });
    for (const channel of channels) expect(await client.spublish(channel, "x")).toBe(1);
    expect(new Set((await bench.seats()).map(([node]) => node))).toEqual(new Set(bench.primaries));
    // A MOVED names the announced address as well.
    const slot = a.slots[0]?.[0] ?? 0;
    const [moved = ""] = cluster.channelsForSlot(slot, 1);
    await consumer.subscribe(moved);
    await cluster.migrateSlot(slot, b);
    await eventually(async () => expect(await client.spublish(moved, "still")).toBe(1));
    expect((await bench.seats()).map(([node]) => node)).toContain(b);
  });
});
