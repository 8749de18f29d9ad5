import { RedisCluster, type RedisClusterOptions } from "tidings";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { clientList } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { type ClusterOptions, startCluster, type TestCluster } from "../support/redis-cluster.ts";
import { CONTROL_USER } from "../support/server-config.ts";
import { lacks, type ServerFeature } from "../support/server-features.ts";
import { QUICK } from "./fixtures.ts";

/** Room for many servers to start and to end on a busy machine, in milliseconds. */
const SLOW = 60_000;

/** What a scenario needs. The cluster is that of the file: each scenario leaves it whole for the next one. */
export interface ClusterFixture {
  readonly protocol: 2 | 3;
  readonly cluster: TestCluster;
  /** A client of the cluster, with all nodes for seeds, closed after the scenario. */
  client(options?: RedisClusterOptions): RedisCluster;
}

interface ProtocolOptions extends ClusterOptions {
  readonly protocols?: readonly (2 | 3)[] | undefined;
  /** Without it in the servers, the scenarios are skipped. */
  readonly needs?: ServerFeature | undefined;
}

/**
 * Runs scenarios with one cluster, in RESP3 and in RESP2. The nodes agree before each one; after it no connection of
 * the library's may be left at any of them.
 */
export function onEveryClusterProtocol(
  title: string,
  scenarios: (bench: ClusterFixture) => void,
  { protocols = [3, 2], needs, ...options }: ProtocolOptions = {},
): void {
  describe.skipIf(needs !== undefined && lacks(needs))(title, () => {
    let stage: TestCluster | undefined;
    const clients = new Set<RedisCluster>();
    const running = () => {
      if (stage === undefined) throw new Error("no cluster outside of a scenario");
      return stage;
    };

    beforeAll(async () => {
      stage = await startCluster(options);
    }, SLOW);

    afterAll(async () => {
      await stage?.stop();
    }, SLOW);

    describe.each(protocols)("RESP%i", (protocol) => {
      beforeEach(() => running().agree(), SLOW);

      afterEach(async () => {
        const { living } = running();
        await Promise.all([...clients].map((client) => client.close()));
        for (const node of living) {
          await eventually(async () => {
            const left = (await clientList(node.control)).filter(
              // What replicas and their primaries have with each other is not the library's.
              ({ user, flags }) => user !== CONTROL_USER && !/[MS]/.test(flags),
            );
            expect(left.map(({ addr, cmd }) => `${addr} ${cmd} at ${node.name}`)).toEqual([]);
          });
        }
      }, SLOW);

      scenarios({
        protocol,
        get cluster() {
          return running();
        },
        client: (clientOptions) => {
          const client = new RedisCluster({
            seeds: running().nodes.map(({ host, announcedPort }) => ({ host, port: announcedPort })),
            protocol,
            retryPolicy: QUICK.retryPolicy,
            ...clientOptions,
          });
          clients.add(client);
          client.once("close", () => clients.delete(client));
          return client;
        },
      });
    });
  });
}

/** How many connections that hold shard channels each node has, by the node's name; nodes without any are left out. */
export async function shardConnections(cluster: TestCluster): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name, control } of cluster.living) {
    const holders = (await clientList(control)).filter(({ ssub }) => ssub > 0).length;
    if (holders > 0) counts[name] = holders;
  }
  return counts;
}
