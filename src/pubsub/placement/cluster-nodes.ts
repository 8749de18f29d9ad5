import type { HostPort } from "../../cluster/replies.ts";
import type { Topology } from "../../cluster/topology.ts";
import type { Connection, Timeouts } from "../../connection/connection.ts";

/** What placements need of a client of a cluster. */
export interface ClusterNodes {
  readonly topology: Topology;
  /** The address by which an announced one is reached from here. */
  reach(announced: HostPort): HostPort;
  /** A connection to one node that may subscribe. */
  leaseFrom(node: HostPort, timeouts: Timeouts, signal: AbortSignal): Promise<Connection>;
  /** Gives a connection back; resolves when it is kept or gone. */
  release(connection: Connection): Promise<void>;
}
