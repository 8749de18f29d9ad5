import {
  ArgumentError,
  ClosedError,
  ClusterError,
  ClusterPubSub,
  PubSub,
  Redis,
  RedisCluster,
  ServerError,
  ShardedPubSub,
} from "tidings";
import { describe, expect, test } from "vitest";
import { deadline, eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { lacks } from "../../support/server-features.ts";
import { expectServerTruth } from "../../support/server-truth.ts";
import { onCluster, PATIENCE, receiveMany, rejection } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

describe("classes and clients that do not fit", () => {
  const redis = new Redis();
  const cluster = new RedisCluster();

  test("are refused at once, with what to use instead", () => {
    expect(() => new PubSub(cluster as never)).toThrow(ArgumentError);
    expect(() => new PubSub(cluster as never)).toThrow("ClusterPubSub");
    expect(() => new ClusterPubSub(redis as never)).toThrow("RedisCluster");
    for (const Class of [PubSub, ClusterPubSub, ShardedPubSub]) {
      for (const none of [null, undefined, {}, "redis://localhost"]) {
        expect(() => new Class(none as never)).toThrow(ArgumentError);
      }
    }
  });

  test("shard channels know no patterns, and say so", async () => {
    for (const options of [{ patterns: "p*" }, { patternHandlers: { "p*": () => {} } }]) {
      expect(() => new ShardedPubSub(cluster, options as never)).toThrow(ArgumentError);
      expect(() => new ShardedPubSub(cluster, options as never)).toThrow("pubsub()");
      expect(await rejection(cluster.shardedPubsub(options as never))).toBeInstanceOf(ArgumentError);
    }
    const consumer = new ShardedPubSub(cluster) as unknown as PubSub;
    for (const call of [consumer.psubscribe("p*"), consumer.punsubscribe()]) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toContain("pubsub()");
    }
    await consumer.close();
  });

  test("an unknown option is refused, with the nearest known one", () => {
    expect(() => new ShardedPubSub(cluster, { readFromReplica: true } as never)).toThrow('"readFromReplicas"');
    expect(() => new ClusterPubSub(cluster, { readFromReplicas: 1 } as never)).toThrow(ArgumentError);
    for (const Class of [PubSub, ShardedPubSub]) {
      expect(() => new Class(redis, { readFromReplicas: true })).toThrow(
        "readFromReplicas is for consumers of a RedisCluster",
      );
    }
  });
});

onCluster("opening in a cluster", (bench) => {
  test("a consumer that is not opened connects to nothing", async () => {
    const client = bench.client();
    for (const consumer of [
      new ShardedPubSub(client, { channels: "a" }),
      new ClusterPubSub(client, { channels: "a" }),
    ]) {
      expect([consumer.state, consumer.subscribed]).toEqual(["connecting", true]);
      await consumer.close();
    }
    expect(client.topology.refreshes).toBe(0);
  });

  shardTest("calls made before the cluster is known are part of the opening", async () => {
    const client = bench.client();
    const consumer = new ShardedPubSub(client, { channels: "a" });
    const names = Array.from({ length: 20 }, (_, n) => `early${n}`);
    const seen: string[] = [];
    const calls = [
      consumer.subscribe(names),
      consumer.subscribe("handled", ({ data }) => seen.push(data)),
      consumer.unsubscribe("a"),
    ];
    expect(client.topology.layout).toBe(null);
    const opening = consumer.open();
    const during = consumer.subscribe("during");
    expect(client.topology.layout).toBe(null);
    expect(await opening).toBe(consumer);
    await Promise.all([...calls, during]);
    await expectServerTruth(bench.cluster.nodes, { shardChannels: [...names, "handled", "during"] });
    expect(await client.spublish("handled", "1")).toBe(1);
    await eventually(() => expect(seen).toEqual(["1"]));
  });

  test("without channels: live once the cluster is known, and an iterator ends", async () => {
    const client = bench.client();
    const consumer = new ShardedPubSub(client);
    const ended = consumer[Symbol.asyncIterator]().next();
    await consumer.open();
    expect(consumer.state).toBe("live");
    expect(client.topology.layout).not.toBe(null);
    expect(await ended).toEqual({ done: true, value: undefined });
  });

  test.each(["pubsub", "shardedPubsub"] as const)(
    "%s that finds no cluster rejects and leaves nothing",
    async (method) => {
      using watch = watchResources();
      const client = bench.clientOf(`redis://127.0.0.1:${await freePort()}`, {
        connectTimeout: 200,
        readyTimeout: 200,
        retryPolicy: () => 20,
      });
      const error = await rejection(client[method]({ channels: "a" }));
      expect(error).toMatchObject({ code: "TIMEOUT" });
      expect(error.cause).toBeInstanceOf(ClusterError);
      await watch.expectNone({ timeout: PATIENCE });
      await client.close();
    },
  );

  test.skipIf(lacks("channelRules")).each(["pubsub", "shardedPubsub"] as const)(
    "%s with a denied name rejects and leaves nothing",
    async (method) => {
      const { cluster } = bench;
      for (const { control } of cluster.nodes) {
        await control.command("ACL", "SETUSER", "limited", "reset", "on", ">p", "+@all", "&ok*");
      }
      const client = bench.client({ username: "limited", password: "p", pool: { keep: 0 } });
      const channels = [...Array.from({ length: 10 }, (_, n) => `ok${n}`), "no1", "no2", "no3"];
      const error = await rejection(client[method]({ channels }));
      expect(error).toBeInstanceOf(ServerError);
      expect(error).toMatchObject({ code: "NOPERM" });
      expect([...(error as ServerError).names].sort()).toEqual(["no1", "no2", "no3"]);
      await expectServerTruth(cluster.nodes, {});
      await eventually(async () => {
        for (const node of cluster.nodes) expect(await bench.connections(node)).toEqual([]);
      });
      // A call of one that is open is all or nothing as well, over all nodes.
      const consumer = await client.shardedPubsub({ channels: ["ok1", "ok2", "ok3"] });
      const refused = await rejection(consumer.subscribe(channels));
      expect([...(refused as ServerError).names].sort()).toEqual(["no1", "no2", "no3"]);
      expect([...consumer.channels.keys()]).toEqual(["ok1", "ok2", "ok3"]);
      await expectServerTruth(cluster.nodes, { shardChannels: ["ok1", "ok2", "ok3"] });
    },
  );

  shardTest("a close during open rejects it, and nothing is left", async () => {
    const client = bench.client();
    for (let delay = 0; delay < 12; delay++) {
      const consumer = new ShardedPubSub(client, { channels: ["a", "b", "c", "d"] });
      const opening = consumer.open().then(
        () => "open",
        (error: unknown) => error,
      );
      for (let turn = 0; turn < delay; turn++) await new Promise((resolve) => setImmediate(resolve));
      await consumer.close();
      const outcome = await opening;
      if (outcome !== "open") expect(outcome).toBeInstanceOf(ClosedError);
      await expectServerTruth(bench.cluster.nodes, {});
    }
  });

  test("a signal that aborts while the cluster is sought rejects open with its reason", async () => {
    const client = bench.clientOf(`redis://127.0.0.1:${await freePort()}`, { retryPolicy: () => 20 });
    for (const method of ["pubsub", "shardedPubsub"] as const) {
      const abort = new AbortController();
      const reason = new Error("changed my mind");
      const opening = rejection(client[method]({ channels: "a", signal: abort.signal }));
      await new Promise((resolve) => setTimeout(resolve, 30));
      abort.abort(reason);
      expect(await deadline(opening, PATIENCE, "the rejection")).toBe(reason);
    }
  });
});

onCluster("a classic consumer in a cluster", (bench) => {
  test("hears what is published at any node, channels and patterns", async () => {
    const client = bench.client();
    const consumer = await client.pubsub({ channels: "news", patterns: "sport.*", ignoreSubscribeMessages: true });
    for (const node of bench.cluster.nodes) {
      await node.control.command("PUBLISH", "news", node.name);
      await node.control.command("PUBLISH", "sport.golf", node.name);
    }
    const heard = await receiveMany(consumer, 12);
    const expected = bench.cluster.nodes.flatMap(({ name }) => [
      ["news", name],
      ["sport.golf", name],
    ]);
    expect(heard.sort()).toEqual(expected.sort());
  });

  test("is spread over the nodes", async () => {
    const client = bench.client();
    const consumers = await Promise.all(Array.from({ length: 30 }, () => client.pubsub({ channels: "a" })));
    const counts = await Promise.all(
      bench.primaries.map(async (node) => (await bench.connections(node)).filter(({ sub }) => sub > 0).length),
    );
    // The odds that one of three gets none of thirty are one in 60,000.
    expect(counts.reduce((sum, count) => sum + count)).toBe(30);
    expect(counts.every((count) => count > 0)).toBe(true);
    await Promise.all(consumers.map((consumer) => consumer.close()));
  });
});
