import { ClusterError, RedisCluster } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { array, bulk, error, integer } from "../../support/resp-writer.ts";
import { lacks } from "../../support/server-features.ts";
import { tagOf } from "../../support/slot.ts";
import { onCluster, rejection } from "./fixtures.ts";

const errorStatTest = test.skipIf(lacks("errorStats"));
const shardTest = test.skipIf(lacks("shardChannels"));

const quiet = { topologyRefreshInterval: 3_600_000 };

onCluster("redirects", (bench) => {
  shardTest("MOVED: a command finds a slot that was moved behind the client's back", async () => {
    const { cluster, primaries } = bench;
    const [a, b] = primaries;
    const client = bench.client(quiet);
    const slot = a.slots[0]?.[0] ?? 0;
    const [key = ""] = cluster.channelsForSlot(slot, 1, "key");
    await client.connect();
    expect(await client.spublish(key, "before")).toBe(0);
    await cluster.migrateSlot(slot, b);
    expect(await client.call("SET", key, "1")).toBe("OK");
    expect(await client.call("GET", key)).toBe("1");
    expect(await client.spublish(key, "after")).toBe(0);
    await client.call("DEL", key);
    await cluster.migrateSlot(slot, a);
    expect(await client.call("GET", key)).toBe(null);
  });

  test("ASK: a key that is at the target already is found there, and the slot stays the source's", async () => {
    const { cluster, primaries } = bench;
    const [a, b] = primaries;
    const client = bench.client(quiet);
    const slot = a.slots[0]?.[0] ?? 0;
    const [gone = "", here = ""] = cluster.channelsForSlot(slot, 2, "key");
    await client.call("SET", here, "at the source");
    await client.call("SET", gone, "at the target");
    const migration = cluster.migration(slot, b);
    await migration.begin();
    await a.control.command("MIGRATE", b.host, b.port, gone, 0, 5000, "AUTH2", "control", "control");
    expect(await client.call("GET", gone)).toBe("at the target");
    expect(await client.call("GET", here)).toBe("at the source");
    // A new key belongs to the target; several at once, so that an ASKING could be taken for another command's.
    const keys = cluster.channelsForSlot(slot, 20, "new");
    await Promise.all(keys.map((key) => client.call("SET", key, key)));
    expect(await Promise.all(keys.map((key) => client.call("GET", key)))).toEqual(keys);
    expect(await b.control.command("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(21);
    await Promise.all([...keys, gone, here].map((key) => client.call("DEL", key)));
    await migration.tellTarget();
    await migration.tellSource();
    await migration.settle();
    await cluster.migrateSlot(slot, a);
  });

  errorStatTest("TRYAGAIN: a command whose keys are on their way waits for them", async () => {
    const { cluster, primaries } = bench;
    const [a, b] = primaries;
    const client = bench.client(quiet);
    const slot = a.slots[0]?.[0] ?? 0;
    const [gone = "", here = ""] = cluster.channelsForSlot(slot, 2, "key");
    await client.call("MSET", gone, "1", here, "2");
    const migration = cluster.migration(slot, b);
    await migration.begin();
    const move = (key: string) =>
      a.control.command("MIGRATE", b.host, b.port, key, 0, 5000, "AUTH2", "control", "control");
    await move(gone);
    const both = client.call("MGET", gone, here);
    await eventually(async () => {
      const stats = String(await a.control.command("INFO", "errorstats"));
      expect(stats).toContain("errorstat_TRYAGAIN");
    });
    await move(here);
    expect(await both).toEqual(["1", "2"]);
    await Promise.all([gone, here].map((key) => client.call("DEL", key)));
    await migration.tellTarget();
    await migration.tellSource();
    await migration.settle();
    await cluster.migrateSlot(slot, a);
  });

  shardTest("CLUSTERDOWN: what nobody serves is waited for, and told once time is up", async () => {
    const { cluster, primaries } = bench;
    const [a] = primaries;
    const slot = a.slots[0]?.[0] ?? 0;
    const [channel = ""] = cluster.channelsForSlot(slot, 1);
    const client = bench.client(quiet);
    const hasty = bench.client({ ...quiet, commandTimeout: 2000 });
    await Promise.all([client.connect(), hasty.connect()]);
    await cluster.delSlots([slot]);
    const waiting = [client.spublish(channel, "1"), client.spublish(channel, "2"), client.call("GET", channel)];
    const refused = await Promise.all([hasty.spublish(channel, "3"), hasty.call("GET", channel)].map(rejection));
    for (const { message } of refused) expect(message).toContain("CLUSTERDOWN");
    await cluster.addSlots([slot], a);
    expect(await Promise.all(waiting)).toEqual([0, 0, null]);
    await cluster.agree();
  });

  shardTest("messages of a slot that moves to and fro keep their order, and none comes twice", async () => {
    const { cluster, primaries } = bench;
    const client = bench.client(quiet);
    const slot = primaries[0].slots[0]?.[0] ?? 0;
    const [moving = ""] = cluster.channelsForSlot(slot, 1, "moving");
    const channels = [moving, ...primaries.flatMap((node) => cluster.channelsFor(node, 2, "staying").slice(1))];
    const received = new Map<string, number[]>(channels.map((channel) => [channel, []]));
    const note = ({ channel, data }: { channel: string; data: string }) => received.get(channel)?.push(Number(data));
    await using _consumer = await bench
      .client(quiet)
      .shardedPubsub({ channelHandlers: channels.map((channel) => [channel, note] as const) });
    const sent: Promise<unknown>[] = [];
    let stopped = false;
    const sending = (async () => {
      for (let n = 0; !stopped; n++) {
        // Hundreds are in flight at any time.
        for (const channel of channels)
          for (let i = 0; i < 20; i++) sent.push(client.spublish(channel, String(n * 20 + i)));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    for (const [target, order] of [
      [1, "source-first"],
      [2, "target-first"],
      [0, "source-first"],
    ] as const) {
      await cluster.migrateSlot(slot, primaries[target], { order, pauseMs: 20, gossip: false });
      const before = received.get(moving)?.length ?? 0;
      await eventually(() => expect(received.get(moving)?.length).toBeGreaterThan(before + 20));
    }
    stopped = true;
    await sending;
    expect((await Promise.allSettled(sent)).filter(({ status }) => status === "rejected")).toEqual([]);
    const total = sent.length / channels.length;
    for (const [channel, numbers] of received) {
      await eventually(() => expect(numbers.at(-1)).toBe(total - 1));
      expect(numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? 0))).toBe(true);
      // What does not move misses nothing.
      if (channel !== moving) expect(numbers).toHaveLength(total);
    }
    await cluster.agree();
  });
});

/** Fake nodes, each with the slots of its row: `[first, last]`, or none. */
async function startFakeNodes(rows: readonly (readonly [number, number])[]): Promise<FakeServer[]> {
  const nodes = await Promise.all(rows.map(() => startFakeServer()));
  const slots = (): Buffer =>
    array(
      rows.map(([from, to], index) =>
        array([integer(from), integer(to), array([bulk("127.0.0.1"), integer(nodes[index]?.port ?? 0)])]),
      ),
    );
  for (const node of nodes) {
    node.handle("CLUSTER", ({ args }, connection) => {
      if (args[0] === "INFO") connection.write(bulk("cluster_state:ok\r\n"));
      else connection.write(args[0] === "SLOTS" ? slots() : error("ERR unknown subcommand"));
    });
  }
  return nodes;
}

test("nodes that send a command to each other: a typed error that says so, after a few tries", async () => {
  const [a, b] = (await startFakeNodes([
    [0, 8191],
    [8192, 16_383],
  ])) as [FakeServer, FakeServer];
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.handle("SPUBLISH", (_, connection) => connection.write(error(`MOVED 7 127.0.0.1:${to.port}`)));
  }
  const client = new RedisCluster(a.url);
  const reason = await rejection(client.spublish(`{${tagOf(7)}}`, "x"));
  expect(reason).toBeInstanceOf(ClusterError);
  expect(reason.message).toContain("MOVED 7");
  expect([...a.commands, ...b.commands].filter(({ name }) => name === "SPUBLISH")).toHaveLength(17);
  await client.close();
  await Promise.all([a.stop(), b.stop()]);
});

test("a redirect without a host means the host that answered", async () => {
  const [a, b] = (await startFakeNodes([
    [0, 16_383],
    [1, 0],
  ])) as [FakeServer, FakeServer];
  let refusals = 0;
  a.handle("SPUBLISH", (_, connection) => {
    refusals++;
    connection.write(error(`MOVED 7 ${refusals === 1 ? "" : "?"}:${b.port}`));
  });
  const client = new RedisCluster(a.url);
  for (const payload of ["x", "y"]) expect(await client.spublish(`{${tagOf(7)}}`, payload)).toBe(0);
  expect(b.commands.filter(({ name }) => name === "SPUBLISH").map(({ args }) => args[1])).toEqual(["x", "y"]);
  await client.close();
  await Promise.all([a.stop(), b.stop()]);
});

test("what was sent and lost is not sent again: it rejects, and nobody hears it twice", async () => {
  const [a] = (await startFakeNodes([[0, 16_383]])) as [FakeServer];
  let lost = 0;
  a.handle("SPUBLISH", (command, connection) => {
    if (command.args[1] === "lost") {
      lost++;
      connection.reset();
    } else a.respond(command, connection);
  });
  const client = new RedisCluster(a.url, { retryPolicy: () => 10 });
  await client.spublish("any", "first");
  expect(await rejection(client.spublish("any", "lost"))).toMatchObject({ code: "CONNECTION" });
  expect(await client.spublish("any", "next")).toBe(0);
  expect(lost).toBe(1);
  await client.close();
  await a.stop();
});
