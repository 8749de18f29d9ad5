import * as net from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ClusterNode } from "./cluster-node.ts";
import { eventually } from "./eventually.ts";
import { Ledger } from "./ledger.ts";
import { startCluster, type TestCluster } from "./redis-cluster.ts";
import { RespReader } from "./resp-reader.ts";
import { command } from "./resp-writer.ts";
import { startShardStamper } from "./shard-sender.ts";
import type { Published, Stamper } from "./stamper.ts";

describe("a stamper for shard channels", () => {
  let cluster: TestCluster;
  const sockets: net.Socket[] = [];

  /** A subscriber on every node that may have the channels one day. */
  const subscribe = (ledger: Ledger, node: ClusterNode, channels: readonly string[]): void => {
    const socket = net.connect(node.port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    const reader = new RespReader();
    socket.on("data", (chunk: Buffer) => {
      reader.feed(chunk);
      for (const value of reader.drain()) {
        if (!Array.isArray(value)) continue;
        const [kind, channel, data] = value.map(String);
        if (kind === "smessage") ledger.record({ channel: channel ?? "", pattern: null, data: data ?? "" });
      }
    });
    for (const channel of channels) socket.write(command(["SSUBSCRIBE", channel]));
  };

  /** The highest sequence that the servers have taken, by channel. */
  const taken = ({ published }: Stamper, channel: string): number =>
    published.reduce((count, it) => (it.channel === channel && it.acknowledgedAt !== null ? it.sequence : count), 0);

  const flows = async (stamper: Stamper, channels: readonly string[], more = 20): Promise<void> => {
    const before = channels.map((channel) => taken(stamper, channel));
    await eventually(() => {
      channels.forEach((channel, index) => {
        expect(taken(stamper, channel)).toBeGreaterThan((before[index] ?? 0) + more);
      });
    });
  };

  beforeAll(async () => {
    cluster = await startCluster();
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  afterAll(async () => {
    await cluster.stop();
  });

  test("goes on for other channels while a node is dead, and for its own after the failover", async () => {
    const [a, b] = cluster.primaries as [ClusterNode, ClusterNode];
    const [mine, theirs] = [cluster.channelsFor(a, 2), cluster.channelsFor(b, 2)];
    const ledger = new Ledger();
    // The promoted replica keeps its subscriptions, so this subscriber hears everything that anybody has taken.
    const [heir] = cluster.replicasOf(a) as [ClusterNode];
    subscribe(ledger, heir, mine);
    subscribe(ledger, b, theirs);
    const stamper = startShardStamper(cluster, { channels: [...mine, ...theirs], interval: 1 });
    await eventually(() => expect(ledger.received).toBeGreaterThan(100));
    await a.kill();
    await flows(stamper, theirs, 100);
    expect(await cluster.waitForFailover(a)).toBe(heir);
    await flows(stamper, [...mine, ...theirs]);
    const published: readonly Published[] = await stamper.stop();
    await eventually(() => expect(ledger.behind(published)).toEqual([]));
    const { duplicates, reordered, foreign } = ledger.report(published);
    expect([duplicates, reordered, foreign]).toEqual([[], [], []]);
    await a.start();
    await cluster.agree();
  });
});
