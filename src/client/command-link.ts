import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "../connection/connection.ts";
import { Supervisor } from "../connection/supervisor.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import { Deferred } from "../core/deferred.ts";
import { Ring } from "../core/ring.ts";
import { nextTurn } from "../core/turns.ts";
import { Watchdog } from "../core/watchdog.ts";
import { after } from "../core/within.ts";
import { ClosedError, ConnectionError, TimeoutError } from "../errors.ts";
import { type Argument, copyOf } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";

/** Where a client stands; `idle` until it is first used. */
export type ClientState = "idle" | "connecting" | "live" | "reconnecting" | "failed" | "closed";

/** Takes the events of the link. */
export interface CommandLinkOwner {
  /** The server, as messages name it. */
  readonly address: string;
  dial(signal: AbortSignal): Promise<Connection>;
  /** A connection is ready. */
  ready(): void;
  reconnecting(cause: unknown, delay: number): void;
  /** The login was refused, or the policy gave up. `told`: a call waited, and rejects with it. */
  failed(cause: unknown, told: boolean): void;
}

/** A command that waits for a connection: nothing of it was sent. */
interface QueuedCommand {
  readonly args: readonly Argument[];
  readonly wantsText: boolean;
  /** When it was issued: `performance.now()` time. */
  readonly since: number;
  readonly movable: boolean;
  readonly deferred: Deferred<Reply>;
}

/** A command that waited was not sent, and may be given to another node. */
export class Unsent extends ConnectionError {}

/** A command ran out of time before there was a connection: nothing of it was sent. */
export class NeverSent extends TimeoutError {}

/** An attempt that runs out of time at the same moment may still say why; milliseconds. */
const LAST_WORD = 10;
/** How long `close()` waits for replies that are due; milliseconds. */
const LAST_REPLIES = 500;

/**
 * The one connection that a client's commands share. It is made at the first use and kept alive after that. Commands
 * that find no connection wait for one, within their time; those that were sent when it is lost reject, for it is
 * not known whether the server ran them.
 */
export class CommandLink {
  readonly #owner: CommandLinkOwner;
  readonly #commandTimeout: number;
  readonly #supervisor: Supervisor;
  readonly #waiting: Ring<QueuedCommand> = new Ring();
  readonly #watchdog: Watchdog;
  #connects: Set<Deferred<void>> = new Set();
  #connection: Connection | null = null;
  #state: ClientState = "idle";
  #cause: unknown = null;

  constructor(owner: CommandLinkOwner, options: { retryPolicy: RetryPolicy; commandTimeout: number }) {
    this.#owner = owner;
    this.#commandTimeout = options.commandTimeout;
    this.#watchdog = new Watchdog(
      () => {
        const next = this.#waiting.peek();
        return next === undefined ? null : next.since + this.#commandTimeout;
      },
      () => this.#expire(),
    );
    this.#supervisor = new Supervisor(
      {
        dial: (signal) => this.#owner.dial(signal),
        up: (connection) => this.#up(connection),
        down: (cause, wait) => this.#down(cause, wait),
        failed: (cause) => this.#failed(cause),
      },
      options.retryPolicy,
    );
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Whether commands wait for a connection. */
  get awaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Resolves when a connection is ready. Rejects after `timeout` ms, or with why there will be none. */
  async connect(timeout: number): Promise<void> {
    if (this.#connection !== null) return;
    this.#assertOpen();
    const deferred = new Deferred<void>();
    this.#connects.add(deferred);
    const timer = after(timeout + LAST_WORD, () => {
      this.#connects.delete(deferred);
      deferred.reject(this.#late("No connection", timeout));
      this.#rest();
    });
    this.#start();
    try {
      await deferred.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Sends a command, as soon as there is a connection; its time runs from `since`. One that is `movable` may be given back
   * while it waits, for it can go to another node.
   */
  command(args: readonly Argument[], wantsText = true, since?: number, movable = false): Promise<Reply> {
    if (this.#connection !== null) return this.#connection.command(args, wantsText, since);
    try {
      this.#assertOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    // Copies: the caller may change its bytes before there is a connection.
    const kept = args.map((arg) => (typeof arg === "object" ? copyOf(arg) : arg));
    const deferred = new Deferred<Reply>();
    this.#waiting.push({ args: kept, wantsText, since: since ?? performance.now(), movable, deferred });
    this.#watchdog.arm();
    this.#start();
    return deferred.promise;
  }

  /** Resolves when no command waits for its answer. */
  async answered(): Promise<void> {
    while (this.#waiting.size > 0 || this.#connection?.busy) {
      const waiting = [...this.#waiting].map(({ deferred }) => deferred.promise);
      await Promise.allSettled([...waiting, this.#connection?.settled()]);
    }
  }

  /** Gives back what waits and is movable: each command rejects with {@link Unsent}. */
  evict(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const next of waiting) {
      if (!next.movable) {
        this.#waiting.push(next);
        continue;
      }
      next.deferred.reject(
        new Unsent("The node that was to run the command cannot be reached.", { cause: this.#cause }),
      );
    }
    // What was given back may return at once.
    nextTurn(() => this.#rest());
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#supervisor.stop();
    this.#watchdog.stop();
    const closed = new ClosedError("The client was closed.");
    this.#rejectAll(closed);
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    const late = new AbortController();
    await Promise.race([connection.settled(), delay(LAST_REPLIES, null, { signal: late.signal }).catch(() => {})]);
    late.abort();
    connection.destroy(closed);
    await connection.gone;
  }

  #start(): void {
    if (this.#state === "idle" || this.#state === "failed") this.#state = "connecting";
    this.#supervisor.start();
    this.#supervisor.wake();
  }

  #up(connection: Connection): void {
    this.#connection = connection;
    this.#state = "live";
    this.#cause = null;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.deferred.resolve(connection.command(next.args, next.wantsText, next.since));
    }
    for (const deferred of this.#connects) deferred.resolve();
    this.#connects.clear();
    this.#owner.ready();
  }

  #down(cause: unknown, wait: number): void {
    this.#cause = cause;
    if (this.#connection !== null) this.#state = "reconnecting";
    this.#connection = null;
    this.#owner.reconnecting(cause, wait);
    this.#rest();
  }

  #failed(cause: unknown): void {
    const told = this.#waiting.size > 0 || this.#connects.size > 0;
    this.#connection = null;
    this.#state = "failed";
    this.#rejectAll(cause);
    this.#owner.failed(cause, told);
  }

  /** Where no connection was ever made and no call waits for one any more, it stops trying until the next use. */
  #rest(): void {
    if (this.#state !== "connecting" || this.#waiting.size > 0 || this.#connects.size > 0) return;
    this.#supervisor.stop();
    this.#state = "idle";
  }

  #expire(): void {
    const late = performance.now() - this.#commandTimeout;
    for (let next = this.#waiting.peek(); next !== undefined && next.since <= late; next = this.#waiting.peek()) {
      this.#waiting.shift();
      const what = `${String(next.args[0]).toUpperCase()} was not sent: no connection`;
      const { message, cause } = this.#late(what, this.#commandTimeout);
      next.deferred.reject(new NeverSent(message, { cause }));
    }
    this.#rest();
  }

  #late(what: string, timeout: number): TimeoutError {
    const why = this.#cause instanceof Error ? this.#cause.message : `Is ${this.#owner.address} up?`;
    return new TimeoutError(`${what} within ${Math.round(timeout)} ms. ${why}`, { cause: this.#cause ?? undefined });
  }

  #rejectAll(reason: unknown): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      next.deferred.reject(reason);
    for (const deferred of this.#connects) deferred.reject(reason);
    this.#connects.clear();
  }

  #assertOpen(): void {
    if (this.#state === "closed") throw new ClosedError("The client is closed.");
  }
}
