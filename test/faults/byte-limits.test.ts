import { setTimeout as sleep } from "node:timers/promises";
import type { ShardedPubSub } from "tidings";
import { afterEach, expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import type { ClusterNode } from "../support/cluster-node.ts";
import { eventually } from "../support/eventually.ts";
import { heapUsed } from "../support/leaks.ts";
import { lacks } from "../support/server-features.ts";
import { onEveryClusterProtocol } from "./cluster-fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

/** Bytes that unread messages may hold, the size of a message, and how many are sent. */
const [LIMIT, SIZE, SENT] = [1024 * 1024, 10_000, 2000];
/** What each of three links has read and not decoded, and the wandering of a measurement; bytes. */
const ROOM = 4 * 1024 * 1024;

async function memory(): Promise<number> {
  const heap = await heapUsed();
  return heap + process.memoryUsage().arrayBuffers;
}

// Row 68.
onEveryClusterProtocol(
  "a consumer with several links that nobody reads, one of them dead",
  (bench) => {
    afterEach(async () => {
      const dead = bench.cluster.nodes.filter(({ alive }) => !alive);
      await Promise.all(dead.map((node) => node.start()));
      await bench.cluster.agree();
    });

    shardTest("keeps to its limit of bytes when another link comes up late", { timeout: 60_000 }, async () => {
      const { cluster } = bench;
      const [a, b, c] = cluster.primaries as [ClusterNode, ClusterNode, ClusterNode];
      const [first = "", second = "", third = ""] = [a, b, c].map((node) => cluster.channelsFor(node, 1)[0] ?? "");
      const client = bench.client({ connectTimeout: 30_000 });
      const consumer = await client.shardedPubsub({
        channels: [first, second, third],
        ignoreSubscribeMessages: true,
        buffer: { limit: 100, limitBytes: LIMIT, overflow: "pause" },
      });
      const before = await memory();
      // While a channel is awaited, reading goes on beyond the limit of messages, up to that of bytes.
      await c.kill();
      await eventually(() => expect(consumer.state).toBe("reconnecting"));
      // The next connection to this one hangs in its handshake until the node thaws.
      await killSubscribers(b.control);
      b.freeze();
      try {
        await flood(a, first);
        await eventually(() => expect(held(consumer)).toBeGreaterThan(LIMIT - SIZE), { timeout: 15_000 });
      } finally {
        b.thaw();
      }
      await flood(b, second);
      // What may be read wrongly is read by now.
      await sleep(500);
      expect(held(consumer)).toBeLessThanOrEqual(LIMIT + SIZE);
      expect((await memory()) - before).toBeLessThan(LIMIT + ROOM);

      // Nothing is stuck: what waits is read, and all channels go on.
      const seen = new Set<string>();
      void (async () => {
        for await (const { channel } of consumer.messages({ until: "closed" })) seen.add(channel);
      })();
      await c.start();
      await cluster.agree();
      seen.clear();
      await eventually(async () => {
        await Promise.all([publish(a, first), publish(b, second), publish(c, third)]);
        expect([...seen].sort()).toEqual([first, second, third].sort());
      });
      await eventually(() => expect(consumer.state).toBe("live"));
    });

    function held(consumer: Pick<ShardedPubSub, "stats">): number {
      return consumer.stats().pending * SIZE;
    }

    async function flood(node: ClusterNode, channel: string): Promise<void> {
      for (let sent = 0; sent < SENT; sent += 100) {
        await Promise.all(Array.from({ length: 100 }, () => publish(node, channel)));
      }
    }

    function publish({ control }: ClusterNode, channel: string): Promise<unknown> {
      return control.command("SPUBLISH", channel, "x".repeat(SIZE));
    }
  },
  {
    replicasPerPrimary: 0,
    fullCoverage: false,
    nodeTimeout: 30_000,
    config: ["client-output-buffer-limit pubsub 0 0 0"],
  },
);
