import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { lacks } from "../../support/server-features.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { SLOTS, slotOf, tagOf } from "../../support/slot.ts";
import { first, onCluster, PATIENCE, receiveMany } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

onCluster("connections of a sharded consumer", (bench) => {
  shardTest(
    "one for each node that holds wanted channels, opened when first needed, closed when no longer",
    async () => {
      const { cluster, primaries } = bench;
      const [a, b, c] = primaries;
      const client = bench.client();
      const consumer = await client.shardedPubsub();
      expect([consumer.state, await bench.seats()]).toEqual(["live", []]);
      const [atA = "", alsoAtA = ""] = cluster.channelsFor(a, 2);
      const [atB = ""] = cluster.channelsFor(b, 1);
      const [atC = ""] = cluster.channelsFor(c, 1);
      await consumer.subscribe(atA, alsoAtA);
      expect(await bench.seats()).toEqual([[a, 2]]);
      await consumer.subscribe(atB, atC);
      expect(await bench.seats()).toEqual([
        [a, 2],
        [b, 1],
        [c, 1],
      ]);
      await consumer.unsubscribe(atB);
      await eventually(async () =>
        expect(await bench.seats()).toEqual([
          [a, 2],
          [c, 1],
        ]),
      );
      await consumer.unsubscribe(atA);
      expect(await bench.seats()).toEqual([
        [a, 1],
        [c, 1],
      ]);
      await consumer.subscribe(atB);
      await consumer.unsubscribe();
      await eventually(async () => expect(await bench.seats()).toEqual([]));
      expect([consumer.state, consumer.subscribed]).toEqual(["live", false]);
      await consumer.subscribe(atC);
      expect(await bench.seats()).toEqual([[c, 1]]);
    },
  );

  shardTest("two consumers of a client have connections of their own; a closed one's serve the next", async () => {
    const { cluster, primaries } = bench;
    const client = bench.client();
    const channels = primaries.flatMap((node) => cluster.channelsFor(node, 1));
    const consumers = [await client.shardedPubsub({ channels }), await client.shardedPubsub({ channels })];
    await expectServerTruth(cluster.nodes, { shardChannels: channels, subscribers: 2 });
    for (const channel of channels) expect(await client.spublish(channel, "x")).toBe(2);
    const ids = async () => (await bench.connections(primaries[0])).filter(({ ssub }) => ssub > 0).map(({ id }) => id);
    const before = await ids();
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await expectServerTruth(cluster.nodes, {});
    const next = await client.shardedPubsub({ channels });
    expect(before).toContain(first(await ids()));
    expect(await client.spublish(channels[0] ?? "", "only the new one")).toBe(1);
    expect(await receiveMany(next, 1)).toEqual([[channels[0], "only the new one"]]);
  });

  shardTest("a pool that keeps none closes them", async () => {
    const client = bench.client({ pool: { keep: 0 } });
    const consumer = await client.shardedPubsub({ channels: ["a", "b", "c", "d", "e"] });
    await consumer.close();
    await eventually(async () => {
      for (const node of bench.cluster.nodes) expect(await bench.connections(node)).toEqual([]);
    });
  });
});

onCluster("channels of a sharded consumer", (bench) => {
  shardTest("a call may span slots and nodes; it resolves when all is confirmed", async () => {
    const client = bench.client();
    const consumer = await client.shardedPubsub();
    const channels = Array.from({ length: 30 }, (_, n) => `spread${n}`);
    await consumer.subscribe(channels);
    await expectServerTruth(bench.cluster.nodes, { shardChannels: channels });
    for (const channel of channels) expect(await client.spublish(channel, `to ${channel}`)).toBe(1);
    const messages = await receiveMany(consumer, 30);
    expect(messages.sort()).toEqual(channels.map((channel) => [channel, `to ${channel}`]).sort());
    const [gone, stays] = [channels.slice(0, 15), channels.slice(15)];
    await consumer.unsubscribe(gone);
    await expectServerTruth(bench.cluster.nodes, { shardChannels: stays });
  });

  shardTest("the order of a channel holds", async () => {
    const client = bench.client();
    const channels = bench.primaries.flatMap((node) => bench.cluster.channelsFor(node, 2, "order"));
    const consumer = await client.shardedPubsub({ channels });
    const sent: Promise<number>[] = [];
    for (let n = 0; n < 300; n++) for (const channel of channels) sent.push(client.spublish(channel, String(n)));
    expect((await Promise.all(sent)).every((receivers) => receivers === 1)).toBe(true);
    const messages = await receiveMany(consumer, 300 * channels.length);
    for (const channel of channels) {
      const own = messages.filter(([name]) => name === channel).map(([, data]) => Number(data));
      expect(own).toEqual(Array.from({ length: 300 }, (_, n) => n));
    }
  });

  shardTest("hash tags decide on the slot, an empty one does not", async () => {
    const names = ["{user}.a", "{user}.b", "{}{user}", "{", "}{", "a{b", "x{user}y{other}", "", "{{user}}", "{}"];
    const client = bench.client();
    const consumer = await client.shardedPubsub({ channels: names });
    await expectServerTruth(bench.cluster.nodes, { shardChannels: names });
    for (const name of names) {
      const own = await bench.cluster.ownerOfChannel(name).control.command("SPUBLISH", name, `to ${name}`);
      expect(own).toBe(1);
    }
    expect((await receiveMany(consumer, names.length)).sort()).toEqual(
      names.map((name) => [name, `to ${name}`]).sort(),
    );
  });

  shardTest("names of bytes", async () => {
    const names = [[0xff], [0xfe], [0xc3, 0x28], [0x7b, 0xff, 0x7d, 0x01]].map((octets) => Buffer.from(octets));
    const client = bench.client({ names: "bytes" });
    const consumer = await client.shardedPubsub({ channels: names });
    await expectServerTruth(bench.cluster.nodes, { shardChannels: names });
    for (const name of names) expect(await client.spublish(name, name.toString("hex"))).toBe(1);
    for (let n = 0; n < names.length; n++) {
      const { channel, data } = await consumer.receive({ timeout: PATIENCE });
      expect(channel.toString("hex")).toBe(data);
    }
  });

  shardTest("confirmations carry the count of the node that gives them", async () => {
    const { cluster, primaries } = bench;
    const [a, b] = primaries;
    const [a1 = "", a2 = ""] = cluster.channelsFor(a, 2, "count");
    const [b1 = ""] = cluster.channelsFor(b, 1, "count");
    const client = bench.client();
    const consumer = await client.shardedPubsub();
    const seen: unknown[] = [];
    const next = async () => {
      const { type, channel, data } = (await consumer.getMessage({ timeout: PATIENCE })) ?? {};
      seen.push([type, channel, data]);
    };
    for (const channel of [a1, a2, b1]) {
      await consumer.subscribe(channel);
      await next();
    }
    await consumer.subscribe(a1);
    await next();
    for (const channel of [a1, b1, a2]) {
      await consumer.unsubscribe(channel);
      await next();
    }
    expect(seen).toEqual([
      ["ssubscribe", a1, 1],
      ["ssubscribe", a2, 2],
      ["ssubscribe", b1, 1],
      ["ssubscribe", a1, 2],
      ["sunsubscribe", a1, 1],
      ["sunsubscribe", b1, 0],
      ["sunsubscribe", a2, 0],
    ]);
  });

  shardTest("10,000 channels over all slots", { timeout: 60_000 }, async () => {
    const channels = Array.from({ length: 10_000 }, (_, n) => `c{${tagOf(Math.floor((n * SLOTS) / 10_000))}}${n}`);
    const client = bench.client();
    const consumer = await client.shardedPubsub({
      channels,
      ignoreSubscribeMessages: true,
      subscriptionTimeout: PATIENCE,
    });
    expect((await bench.seats()).reduce((sum, [, count]) => sum + count, 0)).toBe(10_000);
    expect(await bench.seats()).toHaveLength(3);
    const counts = await Promise.all(channels.map((channel) => client.spublish(channel, channel)));
    expect(counts.every((count) => count === 1)).toBe(true);
    const heard = await receiveMany(consumer, 10_000);
    expect(heard.every(([channel, data]) => channel === data)).toBe(true);
    expect(new Set(heard.map(([channel]) => channel)).size).toBe(10_000);
    await consumer.unsubscribe();
    await eventually(async () => expect(await bench.seats()).toEqual([]));
  });

  shardTest("the iterator ends when the last channel of the last node is gone", async () => {
    const { cluster, primaries } = bench;
    const channels = primaries.flatMap((node) => cluster.channelsFor(node, 1, "end"));
    const consumer = await bench.client().shardedPubsub({ channels, ignoreSubscribeMessages: true });
    let ended = false;
    const loop = (async () => {
      for await (const _ of consumer);
      ended = true;
    })();
    for (const channel of channels) {
      expect(ended).toBe(false);
      await consumer.unsubscribe(channel);
    }
    await loop;
    expect(consumer.closed).toBe(false);
  });

  shardTest("drain lets handlers of all nodes finish", async () => {
    const { cluster, primaries } = bench;
    const channels = primaries.flatMap((node) => cluster.channelsFor(node, 1, "drain"));
    const done: string[] = [];
    const client = bench.client();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await client.shardedPubsub({
      channelHandlers: channels.map(
        (channel) =>
          [
            channel,
            async ({ data }: { data: string }) => {
              await held;
              done.push(data);
            },
          ] as const,
      ),
    });
    for (const channel of channels) expect(await client.spublish(channel, channel)).toBe(1);
    const draining = consumer.drain({ timeout: PATIENCE });
    await eventually(async () => expect(await bench.seats()).toEqual([]));
    release();
    await draining;
    expect(done.sort()).toEqual([...channels].sort());
    expect(consumer.closed).toBe(true);
  });
});

onCluster("readFromReplicas", (bench) => {
  const channels = ({ cluster, primaries }: typeof bench) => primaries.flatMap((node) => cluster.channelsFor(node, 3));

  shardTest("puts every subscription of a sharded consumer on a replica", async () => {
    const client = bench.client({ readFromReplicas: true });
    const consumer = await client.shardedPubsub({ channels: channels(bench) });
    expect(new Set((await bench.seats()).map(([node]) => node))).toEqual(new Set(bench.cluster.replicas));
    for (const channel of channels(bench)) await client.spublish(channel, channel);
    const heard = await receiveMany(consumer, 9);
    expect(heard.sort()).toEqual(
      channels(bench)
        .map((channel) => [channel, channel])
        .sort(),
    );
    const plain = await client.shardedPubsub({ channels: channels(bench), readFromReplicas: false });
    expect(new Set((await bench.seats()).map(([node]) => node))).toEqual(new Set(bench.cluster.nodes));
    await plain.close();
  });

  test("puts a classic consumer on a replica", async () => {
    const client = bench.client();
    const atNodes = async (): Promise<string[]> => {
      const roles: string[] = [];
      for (const node of bench.cluster.nodes) {
        for (const { sub } of await bench.connections(node)) if (sub > 0) roles.push(node.role);
      }
      return roles;
    };
    const consumers = await Promise.all(
      Array.from({ length: 8 }, () => client.pubsub({ channels: "a", readFromReplicas: true })),
    );
    expect(await atNodes()).toEqual(new Array(8).fill("replica"));
    await Promise.all(consumers.map((consumer) => consumer.close()));
    const plain = await Promise.all(Array.from({ length: 8 }, () => client.pubsub({ channels: "a" })));
    expect(await atNodes()).toEqual(new Array(8).fill("primary"));
    await Promise.all(plain.map((consumer) => consumer.close()));
  });
});

onCluster(
  "readFromReplicas where there is none",
  (bench) => {
    shardTest("takes primaries", async () => {
      const client = bench.client({ readFromReplicas: true });
      const sharded = await client.shardedPubsub({ channels: ["a", "b", "c"] });
      await using classic = await client.pubsub({ channels: "a" });
      expect(await client.spublish("a", "1")).toBe(1);
      await client.publish("a", "2");
      expect([await receiveMany(sharded, 1), await receiveMany(classic, 1)]).toEqual([[["a", "1"]], [["a", "2"]]]);
      expect(slotOf("a")).toBeLessThan(SLOTS);
    });
  },
  { replicasPerPrimary: 0 },
);
