import { constantDelay, RedisCluster } from "tidings";
import { expect } from "vitest";
import { ClusterWitness } from "../faults/cluster-witness.ts";
import { clientList } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { watchResources } from "../support/resource-watch.ts";
import { CONTROL_USER } from "../support/server-config.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { Churn } from "./churn.ts";
import { clusterFaults } from "./cluster-faults.ts";
import type { Episode } from "./plan.ts";
import type { Seen } from "./server-episode.ts";

const protocols = [3, 2] as const;

/** Opens sharded and classic consumers, lets the steps happen to them, and throws unless every oracle is content. */
export async function clusterEpisode(
  cluster: TestCluster,
  episode: Episode,
  say: (line: string) => void,
): Promise<Seen> {
  using watch = watchResources();
  const stage = { cluster, fresh: [...cluster.primaries] };
  const names = (prefix: string) => cluster.primaries.flatMap((node) => cluster.channelsFor(node, 4, prefix));
  const clients = protocols.map(
    (protocol) =>
      new RedisCluster({
        seeds: cluster.nodes.map(({ host, announcedPort }) => ({ host, port: announcedPort })),
        protocol,
        retryPolicy: constantDelay({ delay: 100 }),
      }),
  );
  const witnesses = await Promise.all(
    clients.map((client, index) => {
      const all = names(`sharded${index}`);
      const half = all.length / 2;
      return ClusterWitness.sharded(client, cluster, {
        channels: all.slice(0, half),
        handled: all.slice(half),
        interval: 10,
        patience: 30_000,
      });
    }),
  );
  // What is published to them goes over the bus, which promises nothing: their subscriptions are judged.
  const classics = await Promise.all(clients.map((client, index) => client.pubsub({ channels: `classic${index}` })));
  const churns = [...witnesses.map(({ consumer }) => consumer), ...classics].map((consumer, index) => {
    const extra = Array.from({ length: 8 }, (_, at) => `extra${index}-${at}`);
    return new Churn(consumer, extra, episode.seed + index);
  });
  for (const { fault, random } of episode.steps) {
    say(fault);
    await clusterFaults[fault]?.(stage, random);
    await Promise.all(witnesses.map((witness) => witness.receives(10)));
  }
  await Promise.all(churns.map((churn) => churn.stop()));
  const consumers = [...witnesses.map(({ consumer }) => consumer), ...classics];
  await eventually(() => expect(consumers.map(({ state }) => state)).toEqual(consumers.map(() => "live")));
  await expectServerTruth(cluster.living, {
    shardChannels: witnesses.flatMap(({ consumer }) => [...consumer.channels.keys()]),
    channels: classics.flatMap(({ channels }) => [...channels.keys()]),
  });
  let missing = 0;
  const crashes = episode.steps.some(({ fault }) => fault.includes("crashes"));
  const limits = crashes ? (["replica lag", "replica out of touch"] as const) : (["replica lag"] as const);
  for (const witness of witnesses) missing += await witness.verify({ limits });
  await Promise.all(clients.map((client) => client.close()));
  await watch.expectNone();
  await eventually(async () => {
    const lists = await Promise.all(cluster.living.map(({ control }) => clientList(control)));
    // What replicas and their primaries have with each other is not the library's.
    expect(lists.flat().filter(({ user, flags }) => user !== CONTROL_USER && !/[MS]/.test(flags))).toEqual([]);
  });
  return {
    received: witnesses.reduce((sum, { received }) => sum + received, 0),
    missing,
    gaps: witnesses.reduce((sum, { gaps }) => sum + gaps.length, 0),
    calls: churns.reduce((sum, { calls }) => sum + calls, 0),
  };
}
