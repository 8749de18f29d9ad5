import type { NodeConnection } from "../../cluster/discovery.ts";
import { addressOf } from "../../cluster/layout.ts";
import type { HostPort } from "../../cluster/replies.ts";
import { Connection, type Timeouts } from "../../connection/connection.ts";
import type { ConnectionSettings } from "../../connection/settings.ts";
import type { RetryPolicy } from "../../core/backoff.ts";
import { ClosedError } from "../../errors.ts";
import { type ClientState, CommandLink } from "../command-link.ts";

/** Takes the events of the nodes. */
export interface NodesOwner {
  connected(): void;
  ready(): void;
  reconnecting(cause: unknown, delay: number): void;
  failed(cause: unknown, told: boolean): void;
  /** A command waits for a node that is not connected; another one may serve its slot by now. */
  stalled(): void;
  /** No connection of these settings is wanted any more. */
  departed(settings: ConnectionSettings): void;
  /** A primary has become a replica. */
  demoted(): void;
  /** A node can be reached again; resolves when it is known what it is to the cluster now. */
  returned(): Promise<void>;
}

/** How nodes are reached. */
export interface NodesOptions {
  readonly connection: Omit<ConnectionSettings, "endpoint">;
  readonly timeouts: Timeouts;
  readonly retryPolicy: RetryPolicy;
  readonly commandTimeout: number;
}

/** A connection for commands to each node of a cluster that was needed; every one is made at its first use. */
export class Nodes {
  readonly #options: NodesOptions;
  readonly #owner: NodesOwner;
  readonly #links: Map<string, CommandLink> = new Map();
  /** One object for each node: connections of the same one are alike. */
  readonly #settings: Map<string, ConnectionSettings> = new Map();
  #closed = false;

  constructor(options: NodesOptions, owner: NodesOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Whether commands wait for a node. */
  get awaited(): boolean {
    for (const link of this.#links.values()) if (link.awaited) return true;
    return false;
  }

  get states(): ClientState[] {
    return Array.from(this.#links.values(), ({ state }) => state);
  }

  /** The same rules for every node: a redirect never leads to a connection without TLS, or without a login. */
  settingsOf({ host, port }: HostPort): ConnectionSettings {
    const address = addressOf(host, port);
    let settings = this.#settings.get(address);
    if (settings === undefined) {
      settings = { ...this.#options.connection, endpoint: { host, port } };
      this.#settings.set(address, settings);
    }
    return settings;
  }

  /** The connection to a node if it is ready: what is sent over it is not given back. */
  ready(address: string): CommandLink | null {
    const link = this.#links.get(address);
    return link?.state === "live" ? link : null;
  }

  link(node: HostPort): CommandLink {
    const address = addressOf(node.host, node.port);
    const link = this.#links.get(address) ?? this.#open(address, this.settingsOf(node));
    if (link.state !== "live") this.#owner.stalled();
    return link;
  }

  /** The connection for commands where there is one, else one for these questions alone. */
  async line(node: HostPort, signal: AbortSignal): Promise<NodeConnection> {
    const link = this.#links.get(addressOf(node.host, node.port));
    if (link?.state === "live") return { command: (args) => link.command(args), end() {} };
    const connection = await Connection.open(this.settingsOf(node), this.#options.timeouts, signal);
    return {
      command: (args) => connection.command(args),
      end: () => connection.destroy(new ClosedError("The question was answered.")),
    };
  }

  /** Closes the connections to nodes that left the cluster, and gives back what waits for nodes without a connection. */
  keep(addresses: ReadonlyMap<string, unknown>): void {
    for (const [address, link] of this.#links) {
      if (link.state !== "live") link.evict();
      if (addresses.has(address)) continue;
      this.#links.delete(address);
      void link.close();
    }
    for (const [address, settings] of this.#settings) {
      if (addresses.has(address)) continue;
      this.#settings.delete(address);
      this.#owner.departed(settings);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#links.values(), (link) => link.close()));
  }

  #open(address: string, settings: ConnectionSettings): CommandLink {
    let dials = 0;
    const link = new CommandLink(
      {
        address,
        dial: async (signal) => {
          const returns = dials++ > 0;
          const connection = await Connection.open(settings, this.#options.timeouts, signal);
          // A primary may return as a replica, which takes what is published and says nothing.
          connection.role.demoted = () => this.#owner.demoted();
          if (returns) await this.#owner.returned();
          this.#owner.connected();
          return connection;
        },
        ready: () => this.#owner.ready(),
        reconnecting: (cause, delay) => this.#owner.reconnecting(cause, delay),
        failed: (cause, told) => this.#owner.failed(cause, told),
      },
      this.#options,
    );
    if (this.#closed) void link.close();
    this.#links.set(address, link);
    return link;
  }
}
