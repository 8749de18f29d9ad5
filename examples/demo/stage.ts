import { randomBytes } from "node:crypto";
import { Redis, type RedisOptions } from "tidings";
import { startServer as startTestingServer } from "tidings/testing";
import { startServer } from "../../test/support/redis-server.ts";

export type Protocol = 2 | 3;

/** What every part of the first act needs: a server, clients of it, and names of its own. */
export interface Stage extends AsyncDisposable {
  /** The server in words, without credentials. */
  readonly about: string;
  /** Unique for this run: the start of its channels and the names of its clients. */
  readonly prefix: string;
  /** A client of its own. The part that asks for it closes it: `await using client = stage.client()`. */
  client(options?: RedisOptions): Redis;
  /** The full name of a channel or pattern: `news` is `tidings-demo-1f2e3d:news`. */
  name(short: string): string;
  /** And back, for printing. */
  short(name: string): string;
}

/** The server at `url`, or a private one that ends with the stage: a real one, or that of tidings/testing where there is none. */
export async function openStage(url: string | undefined, protocol: Protocol): Promise<Stage> {
  const server = url ? null : process.env.TIDINGS_NO_SERVER ? await startTestingServer() : await startServer();
  // It calls itself a Redis, for clients that ask.
  const testing = server !== null && "received" in server;
  const address = server?.url ?? String(url);
  const prefix = `tidings-demo-${randomBytes(4).toString("hex")}`;
  try {
    return {
      about: `${testing ? "that of tidings/testing, no Redis," : await version(address, protocol)} at ${withoutSecrets(address)}, RESP${protocol}${server ? ", private to this demo" : ""}`,
      prefix,
      client: (options) => new Redis(address, { protocol, ...options }),
      name: (short) => `${prefix}:${short}`,
      short: (name) => name.slice(prefix.length + 1),
      [Symbol.asyncDispose]: async () => server?.[Symbol.asyncDispose](),
    };
  } catch (error) {
    await server?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** Connects once, so that a server that is not there is told here and not in the middle. */
async function version(url: string, protocol: Protocol): Promise<string> {
  await using client = new Redis(url, { protocol, connectTimeout: 5000 });
  await client.connect();
  // INFO may be denied to us; then the name is all we can say.
  const info = await client.call("INFO", "server").catch(() => "");
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, "m").exec(String(info))?.[1];
  const valkey = field("valkey_version");
  return valkey ? `Valkey ${valkey}` : `Redis ${field("redis_version") ?? "(version unknown)"}`;
}

function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
