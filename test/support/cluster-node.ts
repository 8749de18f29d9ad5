import { randomBytes } from "node:crypto";
import { type ClusterView, clusterView, includesSlot, type SlotRange } from "./cluster-view.ts";
import { BUS_OFFSET, freeNodePort } from "./free-port.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { RedisServer } from "./redis-server.ts";
import { CONTROL_PASSWORD, CONTROL_USER, type ServerOptions } from "./server-config.ts";
import { has } from "./server-features.ts";

/** What all nodes of a cluster have in common: a server's options, and these. */
export interface NodeOptions extends Omit<ServerOptions, "port" | "files"> {
  /** `cluster-node-timeout`, in milliseconds. Default 1,500. */
  readonly nodeTimeout?: number | undefined;
  /** `cluster-require-full-coverage`. Default `true`, as the server's. */
  readonly fullCoverage?: boolean | undefined;
  /** What passes a proxy in front of each node: its clients (and its replicas), the bus of the cluster. Default: none. */
  readonly proxied?: { readonly clients?: boolean | undefined; readonly bus?: boolean | undefined } | undefined;
}

/** Where a node is, and where it says that it is. */
export interface NodePlace {
  readonly id: string;
  readonly port: number;
  readonly announcedPort: number;
  readonly announcedBusPort: number;
  readonly clientProxy: TcpProxy | undefined;
  readonly busProxy: TcpProxy | undefined;
  /** The address from which the node connects to others, so that proxies can tell the nodes apart. */
  readonly sourceAddress: string | undefined;
}

/** The file in which a node keeps its view of the cluster. */
const NODES_FILE = "nodes.conf";

/** Where nodes behind proxies connect from: loopback addresses that nobody else uses. */
const NODE_NETWORK = "127.0.1.";

/** Finds free ports for the `number`-th node, and starts its proxies. */
export async function findPlace(number: number, { proxied = {} }: NodeOptions): Promise<NodePlace> {
  const port = await freeNodePort();
  const clientProxy = proxied.clients ? await startProxy(port) : undefined;
  clientProxy?.spare((address) => address.startsWith(NODE_NETWORK));
  const busProxy = proxied.bus ? await startProxy(port + BUS_OFFSET) : undefined;
  return {
    id: randomBytes(20).toString("hex"),
    port,
    announcedPort: clientProxy?.port ?? port,
    announcedBusPort: busProxy?.port ?? port + BUS_OFFSET,
    clientProxy,
    busProxy,
    sourceAddress: clientProxy === undefined && busProxy === undefined ? undefined : `${NODE_NETWORK}${number}`,
  };
}

/**
 * One node of a {@link TestCluster}: a server that is killed, frozen and restarted like any other.
 *
 * `role`, `primaryId`, `slots` and `epoch` are what it said of itself when the cluster last agreed or refreshed.
 */
export class ClusterNode extends RedisServer {
  /** Changes with `CLUSTER RESET HARD` only. */
  id: string;
  role: "primary" | "replica" = "primary";
  /** The id of a replica's primary. */
  primaryId: string | null = null;
  slots: readonly SlotRange[] = [];
  epoch = 0;
  readonly place: NodePlace;
  readonly name: string;

  constructor(name: string, options: NodeOptions, place: NodePlace, nodesFile: string) {
    const config = [...clusterLines(options, place), ...(options.config ?? [])];
    super({ ...options, config, files: { [NODES_FILE]: nodesFile } }, place.port);
    this.name = name;
    this.place = place;
    this.id = place.id;
  }

  /** The port that it tells clients: that of its proxy if there is one. */
  get announcedPort(): number {
    return this.place.announcedPort;
  }

  /** `127.0.0.1:port`, as MOVED and the topology name it. */
  get address(): string {
    return `${this.host}:${this.announcedPort}`;
  }

  /** The URL with the announced port. */
  override get url(): string {
    return this.urlAt(this.announcedPort);
  }

  /** The proxy that its clients pass. Other nodes' replication passes it too, but suffers none of its faults. */
  get clientProxy(): TcpProxy {
    return present(this.place.clientProxy, "clients");
  }

  /** The proxy that the other nodes' bus links to this one pass. */
  get busProxy(): TcpProxy {
    return present(this.place.busProxy, "bus");
  }

  /** The node's own view of the cluster. */
  view(): Promise<ClusterView> {
    return clusterView(this.control);
  }

  /** Whether the slot was among its own. */
  owns(slot: number): boolean {
    return includesSlot(this.slots, slot);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all([this.place.clientProxy?.stop(), this.place.busProxy?.stop()]);
  }
}

function present(proxy: TcpProxy | undefined, kind: string): TcpProxy {
  if (proxy === undefined) throw new Error(`start the cluster with proxied: { ${kind}: true }`);
  return proxy;
}

function clusterLines({ nodeTimeout = 1_500, fullCoverage = true, tls }: NodeOptions, place: NodePlace): string[] {
  return [
    "cluster-enabled yes",
    `cluster-config-file ${NODES_FILE}`,
    `cluster-node-timeout ${nodeTimeout}`,
    `cluster-require-full-coverage ${fullCoverage ? "yes" : "no"}`,
    "cluster-replica-validity-factor 0",
    // Replicas stay where a test has put them. Without the directive, a barrier that no primary passes has the same effect.
    has("replicaMigrationDirective") ? "cluster-allow-replica-migration no" : "cluster-migration-barrier 1000",
    "cluster-announce-ip 127.0.0.1",
    `cluster-announce-${tls === undefined ? "" : "tls-"}port ${place.announcedPort}`,
    `cluster-announce-bus-port ${place.announcedBusPort}`,
    ...(tls === undefined ? [] : ["tls-cluster yes", "tls-replication yes"]),
    // Protected mode takes any loopback address but 127.0.0.1 for that of a stranger.
    ...(place.sourceAddress === undefined ? [] : [`bind-source-addr ${place.sourceAddress}`, "protected-mode no"]),
    "repl-diskless-sync yes",
    "repl-diskless-sync-delay 0",
    // A primary's PINGs are written to its replicas like any command.
    ...(has("failoverWithoutWrites") ? [] : ["repl-ping-replica-period 1"]),
    `masteruser ${CONTROL_USER}`,
    `masterauth ${CONTROL_PASSWORD}`,
  ];
}
