import type { EventEmitter } from "node:events";
import { Redis, type RedisOptions } from "tidings";
import { asIoredis, asNodeRedis, type FaceOptions } from "tidings/compat";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

/** A server and clients of it, which end with it. */
export interface Deployment extends AsyncDisposable {
  readonly server: RedisServer;
  client(options?: RedisOptions): Redis;
}

export async function start(): Promise<Deployment> {
  const server = await startServer();
  const clients: Redis[] = [];
  return {
    server,
    client(options) {
      const client = new Redis(server.url, options);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
    },
  };
}

/** What both faces can do. */
export interface CommonFace {
  readonly emitter: EventEmitter;
  /** Resolves when the server has confirmed. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  publish(channel: string, message: string): Promise<number>;
  get(key: string): Promise<unknown>;
  duplicate(): CommonFace;
  quit(): Promise<unknown>;
  /** At once. */
  end(): void;
}

type Ioredis = ReturnType<typeof asIoredis<import("tidings/compat").IoredisClient>>;
type NodeRedis = ReturnType<typeof asNodeRedis<import("tidings/compat").NodeRedisClient>>;

function ofIoredis(face: Ioredis): CommonFace {
  return {
    emitter: face as unknown as EventEmitter,
    subscribe(channel, listener) {
      face.on("message", (from, message) => {
        if (from === channel) listener(message);
      });
      return face.subscribe(channel);
    },
    publish: (channel, message) => face.publish(channel, message),
    get: (key) => face.get(key),
    duplicate: () => ofIoredis(face.duplicate() as Ioredis),
    quit: () => face.quit(),
    end: () => face.disconnect(),
  };
}

function ofNodeRedis(face: NodeRedis): CommonFace {
  return {
    emitter: face as unknown as EventEmitter,
    subscribe: (channel, listener) => face.subscribe(channel, listener),
    publish: (channel, message) => face.publish(channel, message),
    get: (key) => face.get(key),
    duplicate: () => ofNodeRedis(face.duplicate() as unknown as NodeRedis),
    quit: () => face.quit(),
    end: () => face.destroy(),
  };
}

/** The faces by their names. */
export const makers: Readonly<
  Record<"asIoredis" | "asNodeRedis", (client: Redis, options?: FaceOptions) => CommonFace>
> = {
  asIoredis: (client, options) => ofIoredis(asIoredis(client, options)),
  asNodeRedis: (client, options) => ofNodeRedis(asNodeRedis(client, options)),
};
export const names = ["asIoredis", "asNodeRedis"] as const;
