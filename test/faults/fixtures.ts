import { constantDelay, PubSub, type PubSubOptions, Redis, type RedisOptions } from "tidings";
import { afterEach, beforeEach, describe, expect } from "vitest";
import type { ControlClient } from "../support/control-client.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { type RedisServer, startServer } from "../support/redis-server.ts";
import type { ServerOptions } from "../support/server-config.ts";
import { lacks, type ServerFeature } from "../support/server-features.ts";

/** The bounds of recovery are told for these; a generous limit is ten times the bound. */
export const QUICK = Object.freeze({ maxIdle: 1000, pingTimeout: 1000, retryPolicy: constantDelay({ delay: 100 }) });

/** What a scenario needs. The server and the proxy before it are its own: it may do to them what it likes. */
export interface Bench {
  readonly protocol: 2 | 3;
  readonly server: RedisServer;
  readonly control: ControlClient;
  readonly proxy: TcpProxy;
  /** A client of the server itself, closed after the scenario. */
  client(options?: RedisOptions): Redis;
  /** A client that comes through the proxy. */
  proxied(options?: RedisOptions): Redis;
}

interface ProtocolOptions extends ServerOptions {
  readonly protocols?: readonly (2 | 3)[] | undefined;
  /** Without it in the server, the scenarios are skipped. */
  readonly needs?: ServerFeature | undefined;
}

/** Runs scenarios in RESP3 and in RESP2, each with a server of its own. After each one no connection may be left. */
export function onEveryProtocol(
  title: string,
  scenarios: (bench: Bench) => void,
  { protocols = [3, 2], needs, ...options }: ProtocolOptions = {},
): void {
  describe.skipIf(needs !== undefined && lacks(needs)).each(protocols)(`${title} (RESP%i)`, (protocol) => {
    let stage: { readonly server: RedisServer; readonly proxy: TcpProxy } | undefined;
    const clients = new Set<Redis>();
    const running = () => {
      if (stage === undefined) throw new Error("no server outside of a scenario");
      return stage;
    };
    const open = (port: number, clientOptions: RedisOptions | undefined): Redis => {
      const client = new Redis({ host: "127.0.0.1", port, protocol, retryPolicy: QUICK.retryPolicy, ...clientOptions });
      clients.add(client);
      client.once("close", () => clients.delete(client));
      return client;
    };

    beforeEach(async () => {
      const server = await startServer(options);
      stage = { server, proxy: await startProxy(server.port) };
    });

    afterEach(async () => {
      const { server, proxy } = running();
      stage = undefined;
      await Promise.all([...clients].map((client) => client.close()));
      await proxy.heal();
      await eventually(() => expect(proxy.open).toBe(0));
      await proxy.stop();
      await server.stop();
    });

    scenarios({
      protocol,
      get server() {
        return running().server;
      },
      get control() {
        return running().server.control;
      },
      get proxy() {
        return running().proxy;
      },
      client: (clientOptions) => open(running().server.port, clientOptions),
      proxied: (clientOptions) => open(running().proxy.port, clientOptions),
    });
  });
}

/** A consumer that is not opened yet, with the times that the bounds are told for. */
export function unopened(client: Redis, options: PubSubOptions = {}): PubSub {
  return new PubSub(client, { ...QUICK, ...options });
}

/** `count` names with a prefix. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("the promise was expected to reject");
    },
    (error: unknown) => error,
  );
}

/** The next published message, within a generous limit. */
export async function nextData(consumer: {
  receive(options: { readonly timeout: number }): Promise<{ readonly data: string }>;
}): Promise<string> {
  return (await consumer.receive({ timeout: 10_000 })).data;
}
