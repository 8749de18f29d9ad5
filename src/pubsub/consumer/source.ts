import type { HostPort } from "../../cluster/replies.ts";
import type { Codec } from "../../codec.ts";
import type { Connection, Timeouts } from "../../connection/connection.ts";
import type { RetryPolicy } from "../../core/backoff.ts";
import type { NameForm } from "../../names.ts";
import type { ConsumerStats } from "../delivery/stats.ts";
import type { ClusterNodes } from "../placement/cluster-nodes.ts";
import type { Sharing } from "../sharing/sharing.ts";

/** What a client needs of its consumers. */
export interface Adopted {
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
  /** Gives a connection back; resolves when it is kept or gone. */
  release(connection: Connection): Promise<void>;
  /** The client closes its consumers before itself. */
  adopt(consumer: Adopted): void;
  disown(consumer: Adopted): void;
  /** Publishes on a connection for commands; in a cluster classic messages through another node than the one named. */
  probe(command: "PUBLISH" | "SPUBLISH", channel: Buffer, payload: string, except: HostPort | null): Promise<unknown>;
}

/** What consumers of one server need of a client. Clients implement it. */
export interface SubscriberSource<Data = unknown> extends ConsumerSource<Data> {
  /** A connection that may subscribe. */
  lease(timeouts: Timeouts, signal: AbortSignal): Promise<Connection>;
}

/** What consumers of a cluster need of a client. */
export interface ClusterSource<Data = unknown> extends ConsumerSource<Data>, ClusterNodes {}
