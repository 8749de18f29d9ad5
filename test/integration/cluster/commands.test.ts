import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { lacks } from "../../support/server-features.ts";
import { slotOf } from "../../support/slot.ts";
import { onCluster, PATIENCE, receiveMany, rejection } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

onCluster("publishing and asking in a cluster", (bench) => {
  shardTest("publish reaches a consumer at any node, spublish the slot's", async () => {
    const client = bench.client();
    const channels = bench.primaries.flatMap((node) => bench.cluster.channelsFor(node, 2));
    const classic = await client.pubsub({ channels });
    const sharded = await client.shardedPubsub({ channels });
    for (const channel of channels) {
      await client.publish(channel, `classic ${channel}`);
      expect(await client.spublish(channel, `shard ${channel}`)).toBe(1);
    }
    const expected = (kind: string) => channels.map((channel) => [channel, `${kind} ${channel}`]);
    expect((await receiveMany(sharded, 6)).sort()).toEqual(expected("shard").sort());
    // One node may hear the others' messages in another order.
    expect((await receiveMany(classic, 6)).sort()).toEqual(expected("classic").sort());
    expect(await sharded.getMessage({ timeout: 0, ignoreSubscribeMessages: true })).toBe(null);
  });

  test("publish goes through the owner of the channel's slot, and its order holds", async () => {
    const client = bench.client();
    const [channel = ""] = bench.cluster.channelsFor(bench.primaries[1], 1);
    const consumer = await client.pubsub({ channels: channel });
    const payloads = Array.from({ length: 1000 }, (_, n) => String(n));
    await bench.primaries[1].control.command("CONFIG", "RESETSTAT");
    await Promise.all(payloads.map((payload) => client.publish(channel, payload)));
    expect((await receiveMany(consumer, 1000)).map(([, data]) => data)).toEqual(payloads);
    expect(String(await bench.primaries[1].control.command("INFO", "commandstats"))).toContain(
      "cmdstat_publish:calls=1000,",
    );
  });

  test("what is asked about subscribers is asked of the whole cluster, replicas too", async () => {
    const client = bench.client();
    const consumers = await Promise.all([
      client.pubsub({ channels: ["news", "weather"], patterns: ["p*", "q*"] }),
      client.pubsub({ channels: "news", readFromReplicas: true, patterns: "p*" }),
      client.pubsub({ channels: "news" }),
    ]);
    expect((await client.pubsubChannels()).sort()).toEqual(["news", "weather"]);
    expect(await client.pubsubChannels("n*")).toEqual(["news"]);
    expect([...(await client.pubsubNumsub("weather", "nobody", "news"))]).toEqual([
      ["weather", 1],
      ["nobody", 0],
      ["news", 3],
    ]);
    expect(await client.pubsubNumpat()).toBeGreaterThanOrEqual(2);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await eventually(async () => expect(await client.pubsubChannels()).toEqual([]));
    expect(await client.pubsubNumpat()).toBe(0);
  });

  shardTest("and so is what is asked about shard channels", async () => {
    const client = bench.client();
    const channels = bench.primaries.flatMap((node) => bench.cluster.channelsFor(node, 1, "shard"));
    const atPrimaries = await client.shardedPubsub({ channels });
    const atReplicas = await client.shardedPubsub({ channels: channels.slice(0, 1), readFromReplicas: true });
    expect((await client.pubsubShardchannels()).sort()).toEqual([...channels].sort());
    expect((await client.pubsubShardchannels("nothing*")).sort()).toEqual([]);
    expect([...(await client.pubsubShardnumsub(...channels, "nobody"))]).toEqual([
      [channels[0], 2],
      [channels[1], 1],
      [channels[2], 1],
      ["nobody", 0],
    ]);
    expect([...(await client.pubsubNumsub(...channels))].map(([, count]) => count)).toEqual([0, 0, 0]);
    await Promise.all([atPrimaries.close(), atReplicas.close()]);
  });

  test("a name that is asked for twice is counted once, and names may be bytes", async () => {
    const client = bench.client({ names: "bytes" });
    const name = Buffer.from([0xff, 0x01]);
    await using _consumer = await client.pubsub({ channels: name });
    const counts = await client.pubsubNumsub(name, name, "text");
    expect([...counts]).toEqual([
      [name, 1],
      [Buffer.from("text"), 0],
    ]);
    expect(await client.pubsubChannels()).toEqual([name]);
  });
});

onCluster("call", (bench) => {
  /** Where the server holds a key. */
  const holders = async (key: string | Uint8Array): Promise<unknown[]> => {
    const { primaries } = bench;
    const found = await Promise.all(primaries.map(({ control }) => control.command("KEYS", "*")));
    return primaries.filter((_, index) => (found[index] as string[]).includes(Buffer.from(key).toString()));
  };

  test("goes to the node of the first key", async () => {
    const client = bench.client();
    for (const node of bench.primaries) {
      const key = bench.cluster.channelsFor(node, 1, "key")[0] ?? "";
      expect(await client.call("SET", key, `at ${node.name}`)).toBe("OK");
      expect(await client.call("get", key)).toBe(`at ${node.name}`);
      expect(await holders(key)).toEqual([node]);
    }
  });

  test("keys with hash tags, numbers and bytes", async () => {
    const client = bench.client();
    expect(await client.call("MSET", "{user}1", "a", "{user}2", "b")).toBe("OK");
    expect(await client.call("MGET", "{user}2", "{user}1", "{user}3")).toEqual(["b", "a", null]);
    expect(await client.call("SET", 12_345 as never, 5)).toBe("OK");
    expect(await client.call("GET", "12345")).toBe("5");
    const key = Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x61, 0x7d]);
    await client.call("SET", key, "binary");
    expect(await client.call("GET", key)).toBe("binary");
    expect(bench.cluster.ownerOf(slotOf(key))).toBeDefined();
  });

  test("where an argument says which ones are keys, as in EVAL", async () => {
    const client = bench.client();
    for (const node of bench.primaries) {
      const key = bench.cluster.channelsFor(node, 1, "script")[0] ?? "";
      const script = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])";
      expect(await client.call("EVAL", script, 1, key, node.name)).toBe(node.name);
      expect(await holders(key)).toEqual([node]);
    }
    expect(await client.call("EVAL", "return ARGV[1]", 0, "no key")).toBe("no key");
  });

  test("a subcommand's key, as in OBJECT and XGROUP", async () => {
    const client = bench.client();
    for (const node of bench.primaries) {
      const key = bench.cluster.channelsFor(node, 1, "object")[0] ?? "";
      await client.call("SET", key, "some text that is no number");
      expect(await client.call("OBJECT", "ENCODING", key)).toBe("embstr");
      const stream = bench.cluster.channelsFor(node, 1, "stream")[0] ?? "";
      expect(await client.call("XGROUP", "CREATE", stream, "group", "$", "MKSTREAM")).toBe("OK");
    }
  });

  test("without a key any node will do", async () => {
    const client = bench.client();
    expect(await client.call("PING")).toBe("PONG");
    expect(await client.call("ECHO", "hello")).toBe("hello");
    expect(await client.call("CLUSTER", "KEYSLOT", "foo")).toBe(12182);
    expect(Number(await client.call("DBSIZE"))).toBeGreaterThanOrEqual(0);
  });

  test("what the server refuses it tells: keys of two slots, an unknown command, too few arguments", async () => {
    const client = bench.client();
    expect(await rejection(client.call("MGET", "a", "b"))).toMatchObject({ code: "CROSSSLOT" });
    expect(await rejection(client.call("NOSUCHCOMMAND", "a"))).toMatchObject({ code: "ERR" });
    expect(await rejection(client.call("GET"))).toMatchObject({ code: "ERR" });
    expect(await rejection(client.call("EVAL", "return 1", "not a number"))).toMatchObject({ code: "ERR" });
    expect(await client.call("SET", "after", "all")).toBe("OK");
  });

  test("what would take the connection away is refused", async () => {
    const client = bench.client();
    for (const command of ["SSUBSCRIBE", "MONITOR", "QUIT"]) {
      expect(await rejection(client.call(command, "a"))).toMatchObject({ code: "ARGUMENT" });
    }
  });

  test("a hundred at once to all nodes", async () => {
    const client = bench.client({ commandTimeout: PATIENCE });
    const keys = Array.from({ length: 100 }, (_, n) => `many${n}`);
    await Promise.all(keys.map((key) => client.call("SET", key, key)));
    expect(await Promise.all(keys.map((key) => client.call("GET", key)))).toEqual(keys);
  });
});
