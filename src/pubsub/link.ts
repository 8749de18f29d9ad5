import type { Connection, Patience } from "../connection/connection.ts";
import type { ConfirmationKind, PushReceiver } from "../connection/pushes.ts";
import { Supervisor } from "../connection/supervisor.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import { Watchdog } from "../core/watchdog.ts";
import { ConnectionError, TimeoutError } from "../errors.ts";
import type { Payload } from "../resp/reply.ts";
import { type Carrier, Command } from "./command.ts";
import type { Entry } from "./entry.ts";
import type { Registry } from "./registry.ts";
import type { SubscriberSource } from "./source.ts";

/** The end of a connection. */
export interface Loss {
  readonly epoch: number;
  /** When its last byte arrived, in epoch milliseconds. */
  readonly lastByteAt: number;
  readonly reason: unknown;
}

/** Who is told what happens on a link. */
export interface LinkOwner {
  /** A connection is ready, in a new epoch; nothing is subscribed on it. */
  up(link: Link): void;
  /** The connection is lost. */
  down(link: Link, loss: Loss): void;
  /** An attempt to connect has failed. */
  missed(link: Link, reason: unknown): void;
  /** There will be no other. */
  failed(link: Link, reason: unknown): void;
  /** The server took a subscribe: its names are all subscribed, and their confirmations follow. */
  granted(command: Command): void;
  confirmed(command: Command, entry: Entry, count: number): void;
  /** All that was restored on the new connection is confirmed. */
  restored(link: Link): void;
}

/** How a link behaves. */
export interface LinkOptions {
  readonly patience: Patience;
  readonly retryPolicy: RetryPolicy;
  /** Silence while restoring, in milliseconds, after which the connection is given up. */
  readonly restoreTimeout: number;
}

/**
 * The way to one node: a connection, and after it the next. Sends commands, matches their confirmations, and hands
 * published messages to their entries. An epoch is one connection; what comes from an older one is never applied.
 */
export class Link implements PushReceiver, Carrier {
  /** Which connection is up: a number that no other connection of the engine has; 0 while none is. */
  epoch = 0;
  since = 0;
  readonly #source: SubscriberSource;
  readonly #owner: LinkOwner;
  readonly #registry: Registry;
  readonly #nextEpoch: () => number;
  readonly #supervisor: Supervisor;
  readonly #silence: Watchdog;
  #connection: Connection | null = null;
  /** Restoring commands without all their confirmations. */
  readonly #restoring: Set<Command> = new Set();
  #progress = 0;

  constructor(
    source: SubscriberSource,
    owner: LinkOwner,
    registry: Registry,
    options: LinkOptions,
    nextEpoch: () => number,
  ) {
    this.#source = source;
    this.#owner = owner;
    this.#registry = registry;
    this.#nextEpoch = nextEpoch;
    this.#silence = new Watchdog(
      () => (this.#restoring.size === 0 ? null : this.#progress + options.restoreTimeout),
      () => {
        const silence = `No confirmation for ${options.restoreTimeout} ms while subscriptions were restored.`;
        this.#connection?.destroy(new ConnectionError(silence, { cause: new TimeoutError(silence) }));
      },
    );
    this.#supervisor = new Supervisor(
      {
        dial: (signal) => source.lease(options.patience, signal),
        up: (connection) => this.#up(connection),
        down: (reason) => this.#down(reason),
        failed: (reason) => {
          this.#down(reason);
          owner.failed(this, reason);
        },
      },
      options.retryPolicy,
    );
  }

  get ready(): boolean {
    // A connection that was just destroyed is told a moment later; it is not ready all the same.
    return this.epoch !== 0 && this.#connection?.reason === null;
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Lets the connection go, into the pool if it can prove itself clean. */
  async stop(): Promise<void> {
    this.#supervisor.stop();
    this.#silence.stop();
    this.#restoring.clear();
    this.epoch = 0;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await this.#source.release(connection);
  }

  send(command: Command, restoring: boolean): void {
    if (restoring) {
      this.#restoring.add(command);
      this.#progress = performance.now();
      this.#silence.arm();
    }
    this.#connection?.subscription(command.verb, command.keys, command);
  }

  finish(command: Command): void {
    if (this.#restoring.delete(command) && this.#restoring.size === 0) this.#owner.restored(this);
  }

  doubt(): void {
    if (this.#connection !== null) this.#connection.inDoubt = true;
  }

  reset(reason: unknown): void {
    this.#connection?.destroy(reason);
  }

  // What the connection tells (PushReceiver).

  message(channel: string, payload: Payload): void {
    const entry = this.#registry.channel.get(channel);
    if (entry !== undefined) entry.sink.message(entry, payload);
  }

  smessage(channel: string, payload: Payload): void {
    const entry = this.#registry.shard.get(channel);
    if (entry !== undefined) entry.sink.message(entry, payload);
  }

  pmessage(pattern: string, channel: string, payload: Payload): void {
    const entry = this.#registry.pattern.get(pattern);
    if (entry !== undefined) entry.sink.pmessage(entry, channel, payload);
  }

  confirmation(kind: ConfirmationKind, key: string | null, count: number): void {
    const command = this.#connection?.head;
    if (key === null || !(command instanceof Command) || command.verb.toLowerCase() !== kind) return;
    if (command.subscribes && command.untouched) this.#owner.granted(command);
    // Whoever was told of the gap may have closed the consumer.
    if (this.#connection === null) return;
    const entry = command.take(key);
    if (entry === undefined) return;
    this.#progress = performance.now();
    if (command.done) this.#connection?.answered();
    this.#owner.confirmed(command, entry, count);
    if (command.done) this.finish(command);
  }

  // ---

  #up(connection: Connection): void {
    this.#connection = connection;
    this.epoch = this.#nextEpoch();
    connection.pushes = this;
    this.#owner.up(this);
    if (this.#restoring.size === 0) this.#owner.restored(this);
  }

  #down(reason: unknown): void {
    if (this.epoch === 0) {
      this.#owner.missed(this, reason);
      return;
    }
    const loss = { epoch: this.epoch, lastByteAt: this.#connection?.lastByteAt ?? Date.now(), reason };
    this.#connection = null;
    this.epoch = 0;
    this.#silence.stop();
    this.#restoring.clear();
    this.#owner.down(this, loss);
  }
}
