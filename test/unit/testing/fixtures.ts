import { Redis, type RedisOptions } from "tidings";
import { startServer, type TestServer, type TestServerOptions } from "tidings/testing";
import { onTestFinished } from "vitest";

/** A server that ends with its test. */
export async function serve(options?: TestServerOptions): Promise<TestServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** A client that ends with its test. */
export function dial(server: { readonly url: string }, options: RedisOptions = {}): Redis {
  const client = new Redis(server.url, options);
  onTestFinished(() => client.close());
  return client;
}

export const READ = { timeout: 10_000 };
