import { Redis, RedisCluster } from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";
import { eventually } from "../support/eventually.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startServer } from "../support/redis-server.ts";

export { eventually };

/** A server, or a cluster, and clients of it that are closed at the end. */
export interface Deployment extends AsyncDisposable {
  readonly name: string;
  client(): Redis | RedisCluster;
  /** Cuts all connections that subscribe. */
  cutSubscribers(): Promise<void>;
}

export async function oneServer(): Promise<Deployment> {
  const server = await startServer();
  return deployment("one server", () => new Redis(`redis://127.0.0.1:${server.port}`), [server.control], server);
}

export async function cluster(): Promise<Deployment> {
  const nodes = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
  const seeds = nodes.primaries.map(({ port }) => ({ host: "127.0.0.1", port }));
  const controls = nodes.primaries.map(({ control }) => control);
  return deployment("a cluster", () => new RedisCluster({ seeds }), controls, nodes);
}

interface Control {
  command(...args: string[]): Promise<unknown>;
}

function deployment(
  name: string,
  create: () => Redis | RedisCluster,
  controls: readonly Control[],
  servers: AsyncDisposable,
): Deployment {
  const clients: (Redis | RedisCluster)[] = [];
  return {
    name,
    client() {
      const client = create();
      clients.push(client);
      return client;
    },
    async cutSubscribers() {
      await Promise.all(controls.map((control) => control.command("CLIENT", "KILL", "TYPE", "pubsub")));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** Both faces by their names, each as `any` library takes it. */
export const faces = {
  asIoredis: (client: Redis | RedisCluster) => asIoredis(client as Redis),
  asNodeRedis: (client: Redis | RedisCluster) => asNodeRedis(client as Redis),
} as const;
