import type { Cluster as PeerCluster, Redis as PeerRedis } from "ioredis";
import type { RedisClientType as PeerClient, RedisClusterType as PeerClusterClient } from "redis";
import { ArgumentError, type Gap, type NameForm, type Redis, type RedisCluster } from "tidings";
import type { AnyClient } from "./group.ts";
import { IoredisFace, type IoredisFaceOptions } from "./ioredis.ts";
import { NodeRedisFace, type NodeRedisFaceOptions } from "./node-redis.ts";

/** The event that the other libraries have no word for. */
export interface GapEvent {
  /** Messages may have been missed: which names, and when. */
  on(event: "gap", listener: (gap: Gap) => void): this;
  once(event: "gap", listener: (gap: Gap) => void): this;
  off(event: "gap", listener: (gap: Gap) => void): this;
}

/** The type of another library's client where that library is installed, else the face's own. */
type Peer<Installed, Own> = 0 extends 1 & Installed ? Own : Installed & GapEvent;

/** What `asIoredis` gives for a {@link Redis}: the type `Redis` of ioredis, where that is installed. */
export type IoredisClient = Peer<PeerRedis, IoredisFace>;
/** What `asIoredis` gives for a {@link RedisCluster}: the type `Cluster` of ioredis, where that is installed. */
export type IoredisCluster = Peer<PeerCluster, IoredisFace>;
/** What `asNodeRedis` gives for a {@link Redis}: the type `RedisClientType` of node-redis, where that is installed. */
export type NodeRedisClient = Peer<PeerClient, NodeRedisFace>;
/** What `asNodeRedis` gives for a {@link RedisCluster}: the type `RedisClusterType` of node-redis, where that is installed. */
export type NodeRedisCluster = Peer<PeerClusterClient, NodeRedisFace>;

/**
 * An object that libraries take for a client of ioredis, on a client of tidings. **`quit()` leaves the client open, and an
 * open client keeps the process alive: close it yourself, or pass `{ owns: true }`.**
 *
 * It has Pub/Sub, the events of the connection, simple commands (replies as RESP2 has them), `defineCommand` and
 * `duplicate()`; what it has not (`pipeline`, `multi`, streams of keys, blocking commands) throws `ArgumentError`. A face has
 * connections of its own for what it subscribes. A `subscribe` waits as long as the client's `retryPolicy` goes on. What it has
 * beside that is the event `gap`. An `error` without a listener ends nothing.
 *
 * Its type is what the place where it stands expects (libraries bring ioredis in versions of their own, whose types do not
 * fit each other), else {@link IoredisClient}.
 *
 * @throws ArgumentError for what is no client of tidings, or an unknown option.
 */
export function asIoredis<Expected = IoredisCluster>(
  client: RedisCluster<unknown, never, NameForm>,
  options?: IoredisFaceOptions,
): Expected;
export function asIoredis<Expected = IoredisClient>(
  client: Redis<unknown, never, NameForm>,
  options?: IoredisFaceOptions,
): Expected;
export function asIoredis(client: AnyClient, options: IoredisFaceOptions = {}): unknown {
  check("asIoredis", client, options, ["owns", "buffer", "lazyConnect"]);
  return new IoredisFace(client, options);
}

/**
 * An object that libraries take for a client of node-redis, on a client of tidings. **`close()` and `quit()` leave the
 * client open, and an open client keeps the process alive: close it yourself, or pass `{ owns: true }`.**
 *
 * It has Pub/Sub, the events of the connection, simple commands, `sendCommand` and `duplicate()`; what it has not throws
 * `ArgumentError`. `connect()` is optional: the first call connects. Otherwise as {@link asIoredis}.
 *
 * @throws ArgumentError for what is no client of tidings, or an unknown option.
 */
export function asNodeRedis<Expected = NodeRedisCluster>(
  client: RedisCluster<unknown, never, NameForm>,
  options?: NodeRedisFaceOptions,
): Expected;
export function asNodeRedis<Expected = NodeRedisClient>(
  client: Redis<unknown, never, NameForm>,
  options?: NodeRedisFaceOptions,
): Expected;
export function asNodeRedis(client: AnyClient, options: NodeRedisFaceOptions = {}): unknown {
  check("asNodeRedis", client, options, ["owns", "buffer"]);
  return new NodeRedisFace(client, options);
}

function check(owner: string, client: unknown, options: unknown, known: readonly string[]): void {
  if (typeof client !== "object" || client === null || !("~connections" in client)) {
    throw new ArgumentError(`${owner} takes a client of tidings: a Redis or a RedisCluster.`);
  }
  if (typeof options !== "object" || options === null) throw new ArgumentError(`${owner} takes an object of options.`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const names = known.map((name) => `"${name}"`).join(", ");
  throw new ArgumentError(
    `${owner} knows no option "${unknown}". Known are ${names}; those of the connection are the client's.`,
  );
}
