import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";
import { heapUsed } from "../support/leaks.ts";
import { QUICK } from "./bench.ts";
import { onEveryClusterProtocol } from "./cluster-bench.ts";

/** Bytes that unread messages may hold; the size of a message; how much is sent to each node. */
const [LIMIT, SIZE, SENT] = [1024 * 1024, 20_000, 8 * 1024 * 1024];
/** What is read at once, a half frame, and the wandering of a measurement, for each of three links; bytes. */
const ROOM = 3 * 1024 * 1024;

async function memory(): Promise<number> {
  const heap = await heapUsed();
  return heap + process.memoryUsage().arrayBuffers;
}

// Row 68.
onEveryClusterProtocol(
  "a consumer with several links that nobody reads",
  (bench) => {
    test.each([
      ["before", "limit of messages is reached"],
      ["after", "links have paused"],
    ])("keeps to its limit of bytes when a link comes up %s the %s", { timeout: 60_000 }, async (when) => {
      const { cluster } = bench;
      const primaries = cluster.primaries as [ClusterNode, ClusterNode, ClusterNode];
      const channels = primaries.map((node) => cluster.channelsFor(node, 1)[0] ?? "");
      const consumer = await bench.client().shardedPubsub({
        ...QUICK,
        channels,
        ignoreSubscribeMessages: true,
        buffer: { limit: 20, limitBytes: LIMIT, overflow: "pause" },
      });
      const payload = "x".repeat(SIZE);
      const flood = async (node: ClusterNode, channel: string, bytes: number) => {
        for (let sent = 0; sent < bytes; sent += 20 * SIZE) {
          await Promise.all(Array.from({ length: 20 }, () => node.control.command("SPUBLISH", channel, payload)));
        }
      };
      const floodAll = (bytes: number) =>
        Promise.all(primaries.map((node, index) => flood(node, channels[index] ?? "", bytes)));
      const before = await memory();
      if (when === "after") await floodAll(SENT / 4);
      // One link dies while the others are full or about to be, and comes back under load.
      const [, , victim] = primaries;
      await killSubscribers(victim.control);
      const pending = consumer.subscribe(cluster.channelsFor(victim, 2)[1] ?? "").catch(() => {});
      await floodAll(SENT);
      const most = (await memory()) - before;
      expect(most).toBeLessThan(LIMIT + ROOM);
      expect(consumer.stats().pending * SIZE).toBeLessThanOrEqual(LIMIT + SIZE);

      // Nothing is stuck: what waits is read, and each channel goes on.
      const seen = new Set<string>();
      void (async () => {
        for await (const { channel } of consumer.messages({ until: "closed" })) seen.add(channel);
      })();
      await pending;
      await eventually(
        async () => {
          await Promise.all(primaries.map((node, index) => flood(node, channels[index] ?? "", SIZE)));
          expect([...seen].filter((channel) => channels.includes(channel)).sort()).toEqual([...channels].sort());
        },
        { interval: 50 },
      );
      await eventually(() => expect(consumer.state).toBe("live"));
    });
  },
  { replicasPerPrimary: 0 },
);
