import type { FakeHandler } from "./fake-commands.ts";
import type { FakeCommand, FakeConnection } from "./fake-connection.ts";
import { type FakeServer, startFakeServer } from "./fake-server.ts";
import { array, bulk, error, integer, map, nothing } from "./resp-writer.ts";

/** What a reply is made of. */
export type Value = string | number | null | readonly Value[] | ReadonlyMap<string, Value> | Error;

/** A frame as the connection's protocol has it. An error stands for itself. */
export function frameOf(value: Value, protocol: 2 | 3): Buffer {
  if (value === null) return protocol === 3 ? nothing() : bulk(null);
  if (typeof value === "number") return Number.isInteger(value) ? integer(value) : bulk(String(value));
  if (typeof value === "string") return bulk(value);
  if (value instanceof Error) return error(value.message);
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, one]) => [bulk(String(key)), frameOf(one, protocol)] as const);
    return protocol === 3 ? map(entries) : array(entries.flat());
  }
  return array((value as readonly Value[]).map((one) => frameOf(one, protocol)));
}

/** A node of CLUSTER SHARDS. */
export function nodeRecord(
  { host, port }: { readonly host: string; readonly port: number },
  fields: Record<string, Value> = {},
): Value {
  return new Map<string, Value>(
    Object.entries({ id: `id-${port}`, port, ip: host, endpoint: host, role: "master", health: "online", ...fields }),
  );
}

/** A shard of CLUSTER SHARDS. */
export function shardRecord(slots: Value, nodes: Value): Value {
  return new Map<string, Value>([
    ["slots", slots],
    ["nodes", nodes],
  ]);
}

/** What the nodes of a fake cluster say of it. */
export interface FakeTopology {
  info: Value;
  shards: Value;
  slots: Value;
}

/** Starts fake servers that all answer CLUSTER as `topology` says; it may be changed at any time. */
export async function startFakeCluster(
  size: number,
  topology: (servers: readonly FakeServer[]) => FakeTopology,
): Promise<{ servers: readonly FakeServer[]; topology: FakeTopology } & AsyncDisposable> {
  const servers: FakeServer[] = [];
  for (let i = 0; i < size; i++) servers.push(await startFakeServer());
  const said = topology(servers);
  const answer = ({ args }: FakeCommand, connection: FakeConnection): void => {
    const what = String(args[0]).toLowerCase();
    connection.write(frameOf(said[what as keyof FakeTopology] ?? new Error("ERR unknown"), connection.protocol));
  };
  for (const server of servers) server.handle("CLUSTER", answer);
  return {
    servers,
    topology: said,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** A cluster in which the first server has all slots, and the others are its replicas. */
export function oneShard(servers: readonly FakeServer[]): FakeTopology {
  const nodes = servers.map((server, index) => nodeRecord(server, { role: index === 0 ? "master" : "replica" }));
  return {
    info: "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n",
    shards: [shardRecord([0, 16_383], nodes)],
    slots: new Error("ERR unknown subcommand"),
  };
}

const NODE_ID = "f".repeat(40);

/** Answers CLUSTER for a fake server that is the one node of a cluster, with all slots. */
export function oneNode(port: () => number): FakeHandler {
  return ({ args }, connection) => {
    const subcommand = args[0]?.toUpperCase();
    if (subcommand === "INFO") connection.write(bulk("cluster_state:ok\r\n"));
    else if (subcommand !== "SLOTS") connection.write(error(`ERR unknown subcommand '${args[0]}'`));
    else {
      const node = array([bulk("127.0.0.1"), integer(port()), bulk(NODE_ID)]);
      connection.write(array([array([integer(0), integer(16_383), node])]));
    }
  };
}
