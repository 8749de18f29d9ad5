import { onAbort, throwIfAborted } from "../core/abort.ts";
import { within } from "../core/within.ts";
import { ClosedError } from "../errors.ts";
import { Connection, type Timeouts } from "./connection.ts";
import { noPushes, type PushReceiver } from "./pushes.ts";
import type { ConnectionSettings } from "./settings.ts";

/** How long a proof may take when a connection comes back or goes out; milliseconds. */
const PROOF = { returned: 100, leased: 1000 };

interface Idle {
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
  /** Stops listening for the connection's end. */
  readonly forget: () => void;
}

/**
 * Subscriber connections between two leases. One comes in only when it has no subscription left and has answered a PING
 * with a nonce, and is asked again before it goes out; one in doubt is destroyed. Connections of one settings object
 * are alike: it stands for a node, a protocol, a database and credentials.
 */
export class Pool {
  readonly #keep: number;
  readonly #idleTimeout: number;
  readonly #idle: Map<ConnectionSettings, Idle[]> = new Map();
  readonly #proving: Set<Connection> = new Set();
  #closed = false;

  constructor(keep: number, idleTimeout: number) {
    this.#keep = keep;
    this.#idleTimeout = idleTimeout;
  }

  /** How many connections wait to be leased. */
  get size(): number {
    let size = 0;
    for (const idle of this.#idle.values()) size += idle.length;
    return size;
  }

  /** A proven connection, or a new one. */
  async lease(settings: ConnectionSettings, timeouts: Timeouts, signal?: AbortSignal): Promise<Connection> {
    for (let idle = this.#take(settings); idle !== undefined; idle = this.#take(settings)) {
      const { connection } = idle;
      connection.timeouts = timeouts;
      if (await this.#prove(connection, signal)) return connection;
      connection.destroy(new ClosedError("A pooled connection gave no sign of life."));
      await connection.gone;
    }
    if (signal !== undefined) throwIfAborted(signal);
    const connection = await Connection.open(settings, timeouts, signal);
    connection.expectPushes();
    return connection;
  }

  /** Takes a connection back, or destroys it. Resolves when it is either in the pool or gone. */
  async release(connection: Connection): Promise<void> {
    if (connection.reason === null && (await isClean(connection)) && !this.#closed && this.size < this.#keep) {
      this.#put(connection);
      return;
    }
    connection.destroy(new ClosedError("The connection was released."));
    await connection.gone;
  }

  /** Destroys what is idle of these settings: the node is no more. */
  discard(settings: ConnectionSettings): void {
    const idle = this.#idle.get(settings) ?? [];
    this.#idle.delete(settings);
    for (const { connection, timer, forget } of idle) {
      clearTimeout(timer);
      forget();
      connection.destroy(new ClosedError("The node is no longer part of the cluster."));
    }
  }

  /** Destroys what is idle; what comes back later is destroyed too. */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = [...this.#idle.values()].flat();
    this.#idle.clear();
    for (const { connection, timer } of idle) {
      clearTimeout(timer);
      connection.destroy(new ClosedError("The client was closed."));
    }
    for (const connection of this.#proving) connection.destroy(new ClosedError("The client was closed."));
    await Promise.all([
      ...idle.map(({ connection }) => connection.gone),
      ...[...this.#proving].map(({ gone }) => gone),
    ]);
  }

  /** Whether it answers; it is destroyed when that is not awaited any more. */
  async #prove(connection: Connection, signal: AbortSignal | undefined): Promise<boolean> {
    const closed = new ClosedError("The connection is no longer wanted.");
    const abort = signal === undefined ? null : onAbort(signal, () => connection.destroy(closed));
    this.#proving.add(connection);
    try {
      return await within(PROOF.leased, connection.ping(), () => false);
    } finally {
      this.#proving.delete(connection);
      abort?.[Symbol.dispose]();
    }
  }

  #put(connection: Connection): void {
    const { settings } = connection;
    const timer = setTimeout(() => {
      this.#drop(connection);
      connection.destroy(new ClosedError("The connection was idle for too long."));
    }, this.#idleTimeout);
    const entry = { connection, timer, forget: connection.onClosed(() => this.#drop(connection)) };
    const idle = this.#idle.get(settings);
    if (idle === undefined) this.#idle.set(settings, [entry]);
    else idle.push(entry);
  }

  #take(settings: ConnectionSettings): Idle | undefined {
    const idle = this.#idle.get(settings)?.pop();
    clearTimeout(idle?.timer);
    idle?.forget();
    return idle;
  }

  #drop(connection: Connection): void {
    const idle = this.#idle.get(connection.settings) ?? [];
    const at = idle.findIndex((entry) => entry.connection === connection);
    if (at < 0) return;
    clearTimeout(idle[at]?.timer);
    idle.splice(at, 1);
  }
}

/** Unsubscribes from whatever is left and waits for the fence behind it. */
async function isClean(connection: Connection): Promise<boolean> {
  if (connection.unclean || connection.paused || connection.busy) return false;
  // Channels and patterns are counted together, shard channels apart.
  const left = { classic: 0, sharded: 0 };
  const count: PushReceiver = {
    ...noPushes,
    confirmation: (kind, _key, subscriptions) => {
      left[kind === "sunsubscribe" ? "sharded" : "classic"] = subscriptions;
    },
  };
  connection.pushes = count;
  const commands = ["UNSUBSCRIBE", "PUNSUBSCRIBE", ...(connection.sharded ? ["SUNSUBSCRIBE"] : [])];
  const passed = await within(PROOF.returned, connection.fence(commands), () => false);
  if (connection.reason === null) connection.pushes = noPushes;
  return passed && left.classic === 0 && left.sharded === 0 && connection.head === undefined;
}
