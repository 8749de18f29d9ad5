import type { HostPort } from "../../cluster/replies.ts";
import type { Codec } from "../../codec.ts";
import type { Connection, Timeouts } from "../../connection/connection.ts";
import type { RetryPolicy } from "../../core/backoff.ts";
import { ArgumentError } from "../../errors.ts";
import type { NameForm } from "../../names.ts";
import type { ConsumerStats } from "../delivery/stats.ts";
import type { ClusterNodes } from "../placement/cluster-nodes.ts";
import type { Sharing } from "../sharing/sharing.ts";
import type { Placement, PlacementHost } from "../subscriptions/placement.ts";

/** What a client needs of its consumers. */
export interface Adopted {
  drain(options: { readonly timeout: number }): Promise<void>;
  close(): Promise<void>;
  stats(): ConsumerStats;
}

/** Milliseconds that a client's consumers have in common, where they have none of their own. */
export interface ConsumerTimes {
  /** How long calls wait for a connection; may be Infinity. */
  readonly readyTimeout: number;
  readonly maxIdle: number;
  readonly pingTimeout: number;
  readonly subscriptionTimeout: number;
  readonly unsubscriptionTimeout: number;
}

/** What every consumer needs of a client. */
export interface ConsumerSource<Data = unknown> {
  /** What options of the consumer fall back to. */
  readonly defaults: ConsumerTimes & {
    readonly codec: Codec<Data, never>;
    readonly names: NameForm;
    readonly retryPolicy: RetryPolicy;
    readonly readFromReplicas: boolean;
  };
  /** What consumers of the client share. */
  readonly sharing: Sharing;
  /** Emits an error on the client; false if it has no listener. */
  emitError(error: Error): boolean;
  /** An attempt to connect has failed; the next one comes in `delay` milliseconds. */
  retrying(cause: unknown, delay: number): void;
  /** Gives a connection back; resolves when it is kept or gone. */
  release(connection: Connection): Promise<void>;
  /** The client closes its consumers before itself. */
  adopt(consumer: Adopted): void;
  disown(consumer: Adopted): void;
  /** Publishes on a connection for commands; in a cluster classic messages through another node than the one named. */
  probe(command: "PUBLISH" | "SPUBLISH", channel: Buffer, payload: string, except: HostPort | null): Promise<unknown>;
}

/** What consumers of one server need of a client. */
export interface ServerConnections<Data = unknown> extends ConsumerSource<Data>, Of<"server"> {
  /** A connection that may subscribe. */
  lease(timeouts: Timeouts, signal: AbortSignal): Promise<Connection>;
}

/** What consumers of a cluster need of a client. */
export interface ClusterConnections<Data = unknown> extends ConsumerSource<Data>, ClusterNodes, Of<"cluster"> {
  /** Where shard channels are served. It comes with the client, so that one of a single server does not bring it along. */
  shardPlacement(host: PlacementHost, readFromReplicas: boolean): Placement;
}

/** What users see of them. */
interface Of<Kind> {
  readonly kind: Kind;
}

/** A client of one server, as consumers take it: {@link Redis}. What the name begins with "~" is not for users. */
export interface SubscriberSource {
  readonly "~connections": Of<"server">;
}

/** A client of a cluster, as consumers take it: {@link RedisCluster}. */
export interface ClusterSource {
  readonly "~connections": Of<"cluster">;
}

/** What consumers need of a client of one server; refuses what is none. */
export function serverConnections(owner: string, client: SubscriberSource): ServerConnections {
  const found = connectionsOf(client);
  if (found === null) throw new ArgumentError(`${owner} takes a client: a Redis.`);
  if (isOfCluster(found)) throw new ArgumentError("This client is a cluster's: use ClusterPubSub, or client.pubsub().");
  return found;
}

/** What consumers need of a client of a cluster; refuses what is none. */
export function clusterConnections(owner: string, client: ClusterSource): ClusterConnections {
  const found = connectionsOf(client);
  if (found !== null && isOfCluster(found)) return found;
  throw new ArgumentError(`${owner} takes a RedisCluster. For a single server use PubSub with a Redis.`);
}

/** What consumers need of a client of either kind; refuses what is none. */
export function anyConnections(
  owner: string,
  client: SubscriberSource | ClusterSource,
): ServerConnections | ClusterConnections {
  const found = connectionsOf(client);
  if (found === null) throw new ArgumentError(`${owner} takes a client: a Redis or a RedisCluster.`);
  return found;
}

/** Whether they are those of a cluster. */
export function isOfCluster(source: ServerConnections | ClusterConnections): source is ClusterConnections {
  return source.kind === "cluster";
}

function connectionsOf(client: unknown): ServerConnections | ClusterConnections | null {
  if (typeof client !== "object" || client === null || !("~connections" in client)) return null;
  return client["~connections"] as ServerConnections | ClusterConnections;
}
