import { type NameForm, RedisCluster, type RedisClusterOptions } from "tidings";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { type ClientRecord, clientList } from "../../support/clients.ts";
import type { ClusterNode } from "../../support/cluster-node.ts";
import { eventually } from "../../support/eventually.ts";
import { type ClusterOptions, startCluster, type TestCluster } from "../../support/redis-cluster.ts";
import { lacks, type ServerFeature } from "../../support/server-features.ts";

/** Generous: a busy machine is slow, a broken wait never ends. */
export const PATIENCE = 10_000;

/** What scenarios need: a cluster, and clients that are gone when the scenario ends. */
export interface ClusterFixture {
  readonly cluster: TestCluster;
  /** The three primaries. */
  readonly primaries: [ClusterNode, ClusterNode, ClusterNode];
  /** A client of all nodes, closed after the scenario. */
  client<Data = string, In = Data, Form extends NameForm = "utf8">(
    options?: RedisClusterOptions<Data, In, Form>,
  ): RedisCluster<Data, In, Form>;
  /** A client with seeds of its own. */
  clientOf(url: string, options?: RedisClusterOptions): RedisCluster;
  /** The library's connections to a node. */
  connections(node: ClusterNode): Promise<ClientRecord[]>;
  /** The nodes at which the library holds shard channels, in the order of the cluster's, with their numbers. */
  seats(): Promise<[ClusterNode, number][]>;
}

/** Runs scenarios against one cluster, of three primaries and three replicas unless told otherwise; no connection may be left. */
export function onCluster(
  title: string,
  scenarios: (bench: ClusterFixture) => void,
  { needs, ...options }: ClusterOptions & { readonly needs?: ServerFeature | undefined } = {},
): void {
  describe.skipIf(needs !== undefined && lacks(needs))(title, () => {
    let running: TestCluster | undefined;
    const clients: { close(): Promise<void> }[] = [];
    const cluster = (): TestCluster => {
      if (running === undefined) throw new Error("no cluster outside of a scenario");
      return running;
    };
    const bench: ClusterFixture = {
      get cluster() {
        return cluster();
      },
      get primaries() {
        return cluster().primaries as [ClusterNode, ClusterNode, ClusterNode];
      },
      client: (clientOptions) => bench.clientOf(seedUrl(cluster()), clientOptions as object) as never,
      clientOf(url, clientOptions) {
        const client = new RedisCluster(url, clientOptions);
        clients.push(client);
        return client;
      },
      connections: async ({ control }) =>
        (await clientList(control)).filter(({ user, flags }) => user !== "control" && !/[MS]/.test(flags)),
      async seats() {
        const held: [ClusterNode, number][] = [];
        for (const node of cluster().living) {
          for (const { ssub } of await bench.connections(node)) if (ssub > 0) held.push([node, ssub]);
        }
        return held;
      },
    };

    beforeAll(async () => {
      running = await startCluster(options);
    });
    afterAll(async () => {
      await running?.stop();
    });
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await eventually(async () => {
        for (const node of cluster().living) expect(await bench.connections(node)).toEqual([]);
      });
    });

    scenarios(bench);
  });
}

/** All nodes, separated by commas. */
export function seedUrl({ urls: [first = "", ...others] }: TestCluster): string {
  return [first, ...others.map((url) => new URL(url).host)].join(",");
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("the promise was expected to reject");
    },
    (error: Error) => error,
  );
}

/** The one that a scenario is about. */
export function first<T>(items: Iterable<T>): T {
  for (const item of items) return item;
  throw new Error("there is none");
}

/** The next `count` published messages, as channel and data. */
export async function receiveMany(
  consumer: { receive(options: { timeout: number }): Promise<{ channel: string; data: string }> },
  count: number,
): Promise<[string, string][]> {
  const messages: [string, string][] = [];
  while (messages.length < count) {
    const { channel, data } = await consumer.receive({ timeout: PATIENCE });
    messages.push([channel, data]);
  }
  return messages;
}
