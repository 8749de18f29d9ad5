import { existsSync } from "node:fs";
import * as net from "node:net";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { certificates } from "./certificates.ts";
import type { ClusterNode } from "./cluster-node.ts";
import { slotsIn } from "./cluster-view.ts";
import { ControlClient } from "./control-client.ts";
import { eventually } from "./eventually.ts";
import { type ClusterOptions, startCluster, type TestCluster } from "./redis-cluster.ts";
import { expectServerTruth } from "./server-truth.ts";
import { slotOf } from "./slot.ts";

/** The one of a list that a test is about. */
function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("there is none");
  return item;
}

/** What a stranger on the given port is answered. */
async function ask(port: number, ...words: string[]): Promise<string> {
  await using client = new ControlClient({ port });
  return await client.command(...words).then(String, (error: Error) => error.message);
}

const clusters: TestCluster[] = [];

async function start(options?: ClusterOptions): Promise<TestCluster> {
  const cluster = await startCluster(options);
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

describe("a private cluster", () => {
  let cluster: TestCluster;
  let a: ClusterNode;
  let b: ClusterNode;
  let c: ClusterNode;

  beforeEach(async () => {
    cluster = await start();
    [a, b, c] = cluster.primaries as [ClusterNode, ClusterNode, ClusterNode];
  });

  test("serves every slot, and every node knows every other", async () => {
    expect(cluster.primaries.map(({ slots }) => slots)).toEqual([[[0, 5460]], [[5461, 10922]], [[10923, 16383]]]);
    expect(cluster.replicas.map(({ primaryId }) => primaryId)).toEqual([a.id, b.id, c.id]);
    expect(cluster.replicasOf(b)).toEqual([cluster.nodes[4]]);
    // A node that was met twice is listed twice until its handshake is given up.
    for (const node of cluster.nodes) {
      await eventually(async () => expect((await node.view()).records).toHaveLength(6), { timeout: 30_000 });
    }
    const [channel = ""] = cluster.channelsFor(b, 1);
    expect(cluster.ownerOfChannel(channel)).toBe(b);
    expect(await ask(b.announcedPort, "SPUBLISH", channel, "hello")).toBe("0");
    expect(await ask(a.announcedPort, "SPUBLISH", channel, "hello")).toBe(`MOVED ${slotOf(channel)} ${b.address}`);
    const channels = cluster.channelsForSlot(7, 3);
    expect(new Set(channels).size).toBe(3);
    for (const name of ["{}tagged", "{a}b", "x{y}{z}", "{", "ü", ...channels]) {
      expect(await a.control.command("CLUSTER", "KEYSLOT", name)).toBe(slotOf(name));
    }
    expect(channels.map(slotOf)).toEqual([7, 7, 7]);
  });

  test("leaves nothing behind", async () => {
    const pids = cluster.nodes.map(({ pid }) => pid);
    const directories = cluster.nodes.map(({ socketPath }) => dirname(socketPath));
    await cluster.stop();
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    for (const directory of directories) expect(existsSync(directory)).toBe(false);
  });

  test.each(["source-first", "target-first"] as const)("moves a slot, %s", async (order) => {
    await cluster.migrateSlot(5, b, { order, pauseMs: 20 });
    expect(cluster.ownerOf(5)).toBe(b);
    await cluster.migrateSlot(5, a, { order });
    expect(cluster.ownerOf(5)).toBe(a);
  });

  test("a slot moves step by step", async () => {
    const [channel = ""] = cluster.channelsForSlot(5, 1);
    const answers = (): Promise<string[]> =>
      Promise.all([a, b].map((node) => ask(node.announcedPort, "SPUBLISH", channel, "hello")));
    const moved = (to: ClusterNode): string => `MOVED 5 ${to.address}`;
    const migration = cluster.migration(5, b);
    await migration.begin();
    expect(await answers()).toEqual(["0", moved(a)]);
    await migration.tellSource();
    expect(await answers()).toEqual([moved(b), moved(a)]);
    await migration.tellTarget();
    expect(await answers()).toEqual([moved(b), "0"]);
    await migration.settle();
    expect(cluster.ownerOf(5)).toBe(b);
  });

  test("moves a thousand slots at once", async () => {
    await cluster.moveSlots(slotsIn([[100, 1099]]), c);
    expect(cluster.ownerOf(99)).toBe(a);
    expect(cluster.ownerOf(600)).toBe(c);
    await cluster.moveSlots(slotsIn(a.slots), b);
    expect(a.slots).toEqual([]);
    expect(a.role).toBe("primary");
  });

  test.each(["default", "force", "takeover"] as const)("promotes a replica: %s", async (mode) => {
    const replica = first(cluster.replicasOf(a));
    await cluster.failover(replica, mode);
    expect(cluster.primaries).toContain(replica);
    expect(a).toMatchObject({ role: "replica", primaryId: replica.id });
    await cluster.failover(a);
    expect(cluster.ownerOf(0)).toBe(a);
  });

  test("a replica takes over from a dead primary, which comes home as a replica", async () => {
    const replica = first(cluster.replicasOf(a));
    await a.kill();
    expect(cluster.living).toHaveLength(5);
    expect(await cluster.waitForFailover(a)).toBe(replica);
    expect(cluster.ownerOf(0)).toBe(replica);
    await a.start();
    await eventually(async () => {
      await cluster.agree();
      expect(a).toMatchObject({ role: "replica", primaryId: replica.id });
    });
    await cluster.inSync();
  });

  test("a replica changes its primary", async () => {
    const replica = first(cluster.replicasOf(a));
    await cluster.reparent(replica, b);
    expect(cluster.replicasOf(a)).toEqual([]);
    expect(cluster.replicasOf(b)).toHaveLength(2);
  });

  test("grows and shrinks", async () => {
    const node = await cluster.addNode();
    expect(node).toMatchObject({ role: "primary", slots: [] });
    expect(cluster.primaries).toHaveLength(4);
    await cluster.migrateSlot(5, node);
    const replica = await cluster.addNode({ replicaOf: node });
    expect(cluster.replicasOf(node)).toEqual([replica]);
    await cluster.migrateSlot(5, a);
    const { id } = replica;
    await cluster.forget(replica);
    await cluster.forget(node);
    expect(cluster.nodes).toHaveLength(6);
    expect(replica.id).not.toBe(id);
    for (const { control } of cluster.nodes)
      expect(String(await control.command("CLUSTER", "NODES"))).not.toContain(id);
  });

  test("slots are unbound and bound again", async () => {
    const [channel = ""] = cluster.channelsForSlot(5, 1);
    await cluster.delSlots([5, 6]);
    expect(() => cluster.ownerOf(5)).toThrow("belongs to no node");
    expect(await ask(a.announcedPort, "SPUBLISH", channel, "hello")).toContain("CLUSTERDOWN");
    await cluster.addSlots([5, 6], b);
    expect(cluster.ownerOf(5)).toBe(b);
    expect(await ask(b.announcedPort, "SPUBLISH", channel, "hello")).toBe("0");
  });

  test("the truth of a cluster: of those who answer", async () => {
    const [mine = ""] = cluster.channelsFor(a, 1);
    const [theirs = ""] = cluster.channelsFor(b, 1);
    const sockets = [a, b].map(({ port }) => net.connect(port, "127.0.0.1").on("error", () => {}));
    sockets[0]?.write(`SSUBSCRIBE ${mine}\r\nSUBSCRIBE news\r\n`);
    sockets[1]?.write(`SSUBSCRIBE ${theirs}\r\n`);
    await expectServerTruth(cluster.nodes, { channels: ["news"], shardChannels: [mine, theirs] });
    b.freeze();
    await expectServerTruth(cluster.nodes, { channels: ["news"], shardChannels: [mine] });
    await a.kill();
    await expectServerTruth(cluster.nodes, {});
    for (const socket of sockets) socket.destroy();
  });
});

describe("a cluster of another kind", () => {
  test("without replicas, with partial coverage", async () => {
    const cluster = await start({ primaries: 4, replicasPerPrimary: 0, fullCoverage: false });
    expect(cluster.nodes).toHaveLength(4);
    await cluster.delSlots([5]);
    await cluster.agree();
    expect(await ask(cluster.ownerOf(0).port, "SPUBLISH", first(cluster.channelsForSlot(0, 1)), "")).toBe("0");
  });

  test("with two replicas each", async () => {
    const cluster = await start({ primaries: 2, replicasPerPrimary: 2 });
    expect(cluster.primaries.map((node) => cluster.replicasOf(node).length)).toEqual([2, 2]);
    await cluster.failover(first(cluster.replicas));
  });

  test("with a password", async () => {
    const cluster = await start({ password: "secret", primaries: 1 });
    const node = first(cluster.primaries);
    expect(await ask(node.port, "PING")).toContain("NOAUTH");
    expect(node.url).toBe(`redis://:secret@127.0.0.1:${node.port}`);
    await cluster.failover(first(cluster.replicas));
  });

  test("over TLS", async () => {
    const { ca, server, client } = await certificates();
    const cluster = await start({ tls: { ...server, ca: ca.cert, client }, primaries: 2 });
    await cluster.failover(first(cluster.replicas));
    await cluster.migrateSlot(5, first(cluster.primaries.filter((node) => node !== cluster.ownerOf(5))));
    expect(cluster.urls[0]).toMatch(/^rediss:\/\/localhost:/);
  });

  test("behind proxies for clients: faults of clients leave the replication alone", async () => {
    const cluster = await start({ proxied: { clients: true } });
    const [a, b] = cluster.primaries as [ClusterNode, ClusterNode];
    expect(a.announcedPort).toBe(a.clientProxy.port);
    const [channel = ""] = cluster.channelsFor(a, 1);
    expect(await ask(b.announcedPort, "SPUBLISH", channel, "")).toBe(`MOVED ${slotOf(channel)} ${a.address}`);
    expect(await ask(a.announcedPort, "SPUBLISH", channel, "")).toBe("0");
    await eventually(() => expect(a.clientProxy.open).toBe(0));
    a.clientProxy.blackhole();
    await cluster.failover(first(cluster.replicasOf(a)));
    await a.clientProxy.heal();
  });

  test("behind proxies for the bus: a node is cut off while its clients notice nothing", async () => {
    const cluster = await start({ proxied: { bus: true }, nodeTimeout: 500 });
    const a = first(cluster.primaries);
    cluster.cutBus(a);
    await eventually(async () => expect((await a.view()).ok).toBe(false));
    expect(await ask(a.port, "PING")).toBe("PONG");
    await eventually(async () => {
      await cluster.refresh();
      expect(cluster.primaries.filter(({ slots }) => slots[0]?.[0] === 0)).toHaveLength(2);
    });
    await cluster.healBus();
    await eventually(async () => {
      await cluster.agree();
      expect(a.role).toBe("replica");
    });
  });
});
