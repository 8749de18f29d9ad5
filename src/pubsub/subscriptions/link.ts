import type { Connection, Timeouts } from "../../connection/connection.ts";
import type { ConfirmationKind, PushReceiver } from "../../connection/pushes.ts";
import type { Endpoint } from "../../connection/settings.ts";
import { Supervisor } from "../../connection/supervisor.ts";
import type { RetryPolicy } from "../../core/backoff.ts";
import { BEGINNING, currentMoment, later, type Moment, takeMoment } from "../../core/moment.ts";
import { inRootContext } from "../../core/root-context.ts";
import { inSlices } from "../../core/slices.ts";
import { Watchdog } from "../../core/watchdog.ts";
import { ConnectionError, PubSubError, TimeoutError } from "../../errors.ts";
import type { Name, Payload } from "../../resp/reply.ts";
import type { GapCause } from "../model/gap.ts";
import { type Carrier, Command } from "./command.ts";
import type { Entry } from "./entry.ts";
import { isProbe } from "./probe-message.ts";
import { SLICE } from "./reconcile.ts";
import type { Registry } from "./registry.ts";

/** The end of a connection. */
export interface Loss {
  readonly epoch: number;
  readonly cause: GapCause;
  /** All that the server took before has been read; or since when it may have been deaf. */
  readonly since: Moment;
  readonly reason: unknown;
  /** Milliseconds until the next attempt to connect; `null` where there is none. */
  readonly retryIn: number | null;
}

/** Where a link's connections come from and go to. */
export interface Dialer {
  dial(timeouts: Timeouts, signal: AbortSignal): Promise<Connection>;
  release(connection: Connection): Promise<void>;
}

/** Waits until all is read that the server of a link had sent. */
export interface FenceWaiter {
  passed(): void;
  /** The connection was lost before. */
  lost(): void;
}

/** Is told what happens on a link. */
export interface LinkOwner {
  /** A connection is ready, in a new epoch; nothing is subscribed on it. */
  up(link: Link): void;
  /** The connection is lost. */
  down(link: Link, loss: Loss): void;
  /** An attempt to connect has failed. */
  dialFailed(link: Link, reason: unknown, retryIn: number | null): void;
  /** There will be no other. */
  failed(link: Link, reason: unknown): void;
  /** The server took a subscribe: its names are all subscribed, and their confirmations follow. */
  granted(command: Command): void;
  /** `added`: the server did not have the subscription a moment before, by its own count. */
  confirmed(command: Command, entry: Entry, count: number, added: boolean): void;
  /** The node ended a shard channel's subscription by itself. */
  dismissed(link: Link, entry: Entry): void;
  /** A message is about to be delivered while gaps are held back. */
  release(link: Link): void;
  /** A message came that no entry is for. */
  unmatched(payload: Payload): void;
  /** The primary at the other end has become a replica. */
  demoted(link: Link, error: PubSubError): void;
  /** All that was restored on the new connection is confirmed. */
  restored(link: Link): void;
}

/** How long after a pause a cut is put down to it; milliseconds. */
const RECENTLY = 5000;

/** How a link behaves. */
export interface LinkOptions {
  readonly timeouts: Timeouts;
  readonly retryPolicy: RetryPolicy;
  /** Silence while restoring, in milliseconds, after which the connection is given up. */
  readonly restoreTimeout: number;
  /** The channel of the probe, whose messages are not for the user; `null` where nothing is probed. */
  readonly probeKey: string | null;
}

/**
 * The way to one node: a connection, and after it the next. Sends commands, matches their confirmations, and hands
 * published messages to their entries. An epoch is one connection; what comes from an older one is never applied.
 */
export class Link implements PushReceiver, Carrier {
  /** Which connection is up: a number that no other connection of the engine has; 0 while none is. */
  epoch = 0;
  since = 0;
  /** How many entries call it home. */
  names = 0;
  /** Whether its last attempt to connect has failed, and none has succeeded since. */
  failing = false;
  /** How often reading was stopped. */
  pauses = 0;
  /** Whether gaps are held back that must be told before the next message. */
  holding = false;
  readonly #dialer: Dialer;
  readonly #owner: LinkOwner;
  readonly #registry: Registry;
  readonly #nextEpoch: () => number;
  readonly #probeKey: string | null;
  readonly #supervisor: Supervisor;
  readonly #silence: Watchdog;
  #connection: Connection | null = null;
  /** Restoring commands without all their confirmations. */
  readonly #restoring: Set<Command> = new Set();
  #progress = 0;
  #deafSince: Moment | null = null;
  #auditedAt: Moment | null = null;
  #audited: Moment | null = null;
  /** The subscriptions of the connection, as the server counted them last. */
  readonly #counts = { classic: 0, shard: 0 };
  /** Those that wait for a fence. */
  readonly #waiting: Set<FenceWaiter> = new Set();
  /** Restorations whose commands are not all sent. */
  #unsent = 0;
  /** When reading went on after a pause: `performance.now()` time. */
  #resumedAt = Number.NEGATIVE_INFINITY;

  constructor(dialer: Dialer, owner: LinkOwner, registry: Registry, options: LinkOptions, nextEpoch: () => number) {
    this.#dialer = dialer;
    this.#owner = owner;
    this.#registry = registry;
    this.#nextEpoch = nextEpoch;
    this.#probeKey = options.probeKey;
    this.#silence = new Watchdog(
      () => {
        if (this.#restoring.size === 0 || this.#connection?.paused) return null;
        return Math.max(this.#progress, this.#resumedAt) + options.restoreTimeout;
      },
      () => {
        const silence = `No confirmation for ${options.restoreTimeout} ms while subscriptions were restored.`;
        this.#connection?.destroy(new ConnectionError(silence, { cause: new TimeoutError(silence) }));
      },
    );
    this.#supervisor = new Supervisor(
      {
        dial: (signal) => dialer.dial(options.timeouts, signal),
        up: (connection) => this.#up(connection),
        down: (reason, wait) => this.#down(reason, wait),
        failed: (reason) => {
          this.#down(reason, null);
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

  /** Whether it is up, and all that was to be restored is. */
  get restored(): boolean {
    return this.ready && this.#restoring.size === 0 && this.#unsent === 0;
  }

  /** The node that the connection goes to. */
  get endpoint(): Endpoint | null {
    return this.#connection?.settings.endpoint ?? null;
  }

  get proof(): Moment {
    return this.#connection?.proof ?? BEGINNING;
  }

  /** Since when a subscription may have been stale that an audit finds to be: the audit before had found it served. */
  staleSince(entry: Entry): Moment {
    return later(entry.served, this.#audited ?? BEGINNING);
  }

  /** Another audit has begun, so that the one before is done: what it found is known. */
  audited(): void {
    this.#audited = this.#auditedAt;
    this.#auditedAt = takeMoment();
  }

  /** Tells the waiter when all is read that the server has sent until now, or that the connection is lost before. */
  fence(waiter: FenceWaiter): void {
    if (this.#connection === null) {
      waiter.lost();
      return;
    }
    this.#waiting.add(waiter);
    this.#connection.afterFence(() => {
      if (this.#waiting.delete(waiter)) waiter.passed();
    });
  }

  start(): void {
    this.#supervisor.start();
  }

  /** It looks as if the node could be reached: the next attempt is made now. */
  wake(): void {
    this.#supervisor.wake(0);
  }

  /** Whether nothing that was sent awaits its answer. */
  get idle(): boolean {
    return this.#connection === null || !this.#connection.busy;
  }

  /** Ends its work and its connection, as if that had been lost for good. */
  halt(reason: unknown): void {
    this.#supervisor.stop();
    this.#connection?.destroy(reason);
    if (this.epoch !== 0) this.#down(reason, null);
  }

  /** Lets the connection go, into the pool if it can prove itself clean. */
  async stop(): Promise<void> {
    this.#supervisor.stop();
    this.#silence.stop();
    this.#restoring.clear();
    this.#unsent = 0;
    this.epoch = 0;
    this.#loseWaiters();
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    connection.role.demoted = () => {};
    connection.fencing = false;
    await this.#dialer.release(connection);
  }

  send(command: Command, restoring: boolean): void {
    if (restoring) {
      this.#restoring.add(command);
      this.#progress = performance.now();
      this.#silence.arm();
    }
    this.#connection?.subscription(command.verb, command.keys, command, command.nonce);
  }

  /** Sends what restores subscriptions, a slice in each turn of the event loop while the connection lives. */
  restoring(commands: Iterator<number>): void {
    inSlices(this.#whileUp(commands), SLICE);
  }

  finish(command: Command): void {
    if (this.#restoring.delete(command) && this.#restoring.size + this.#unsent === 0) this.#owner.restored(this);
  }

  markUnclean(): void {
    if (this.#connection !== null) this.#connection.unclean = true;
  }

  get paused(): boolean {
    return this.#connection?.paused ?? false;
  }

  /** Reads nothing until {@link resume}. */
  pause(): void {
    if (this.#connection === null || this.#connection.paused) return;
    this.pauses++;
    this.#connection.pause();
  }

  resume(): void {
    if (!this.#connection?.paused) return;
    this.#resumedAt = performance.now();
    // What was kept is decoded here, and that is no affair of the reader that made room.
    const connection = this.#connection;
    inRootContext(() => connection.resume());
    this.#silence.arm();
  }

  reset(reason: unknown, deafSince: Moment | null = null): void {
    this.#deafSince = deafSince;
    this.#connection?.destroy(reason);
  }

  // What the connection tells (PushReceiver).

  message(channel: Name, payload: Payload): void {
    if (this.holding) this.#owner.release(this);
    const entry = channel.in(this.#registry.channel);
    if (entry !== undefined) entry.sink.message(entry, payload);
    else this.#owner.unmatched(payload);
  }

  smessage(channel: Name, payload: Payload): void {
    if (this.holding) this.#owner.release(this);
    const entry = channel.in(this.#registry.shard);
    // A node that gave the channel up may send on for a moment; only its home counts.
    if (entry === undefined) this.#owner.unmatched(payload);
    else if (entry.link === this) {
      entry.served = this.proof;
      entry.sink.message(entry, payload);
    }
  }

  pmessage(pattern: Name, channel: Name, payload: Payload): void {
    if (this.holding) this.#owner.release(this);
    const entry = pattern.in(this.#registry.pattern);
    if (entry === undefined) return;
    const key = channel.key();
    if (key !== this.#probeKey || !isProbe(payload)) entry.sink.pmessage(entry, key, payload);
  }

  confirmation(kind: ConfirmationKind, key: string | null, count: number): void {
    const connection = this.#connection;
    if (key === null || connection === null) return;
    // The server counts shard channels apart from channels and patterns.
    const group = kind === "ssubscribe" || kind === "sunsubscribe" ? "shard" : "classic";
    const added = count > this.#counts[group];
    this.#counts[group] = count;
    const command = connection.head;
    if (command instanceof Command && command.kind === kind && this.#confirm(command, key, count, added)) return;
    const entry = kind === "sunsubscribe" ? this.#registry.shard.get(key) : undefined;
    if (entry?.link === this) this.#owner.dismissed(this, entry);
  }

  // ---

  /** Counts a confirmation; false if the command does not name the key. */
  #confirm(command: Command, key: string, count: number, added: boolean): boolean {
    if (command.subscribes && command.untouched) this.#owner.granted(command);
    // A listener of the gap may have closed the consumer.
    if (this.#connection === null) return true;
    const entry = command.take(key);
    if (entry === undefined) return false;
    this.#progress = currentMoment().monotonic;
    const last = command.done && command.nonce === null;
    if (last) this.#connection.answered();
    this.#owner.confirmed(command, entry, count, added);
    if (last) this.finish(command);
    return true;
  }

  #up(connection: Connection): void {
    this.#connection = connection;
    this.epoch = this.#nextEpoch();
    this.failing = false;
    this.#audited = this.#auditedAt = null;
    this.#counts.classic = this.#counts.shard = 0;
    connection.pushes = this;
    connection.fencing = true;
    connection.role.demoted = (error) => this.#owner.demoted(this, error);
    this.#owner.up(this);
    if (this.restored) this.#owner.restored(this);
  }

  #down(reason: unknown, retryIn: number | null): void {
    if (this.epoch === 0) {
      this.failing = true;
      this.#owner.dialFailed(this, reason, retryIn);
      return;
    }
    const since = this.#deafSince ?? this.proof;
    // The server cuts a subscriber that does not read; the cut is seen when reading goes on.
    const paused = this.#connection?.paused || performance.now() - this.#resumedAt < RECENTLY;
    // It is a PubSubError that says the consumer could hold no more, and gave up.
    const ours: GapCause | null = reason instanceof PubSubError ? "overflow" : null;
    const cause: GapCause = ours ?? (paused ? "server-overflow" : "disconnected");
    const loss = { epoch: this.epoch, cause, since, reason, retryIn };
    this.#resumedAt = Number.NEGATIVE_INFINITY;
    this.#deafSince = null;
    this.#connection = null;
    this.epoch = 0;
    this.#silence.stop();
    this.#restoring.clear();
    this.#unsent = 0;
    this.#owner.down(this, loss);
    this.#loseWaiters();
  }

  *#whileUp(commands: Iterator<number>): Generator<number, void> {
    const { epoch } = this;
    let sliced = false;
    for (let step = commands.next(); !step.done; step = commands.next()) {
      if (!sliced) this.#unsent++;
      sliced = true;
      yield step.value;
      if (this.epoch !== epoch) return;
    }
    if (!sliced) return;
    this.#unsent--;
    if (this.restored) this.#owner.restored(this);
  }

  #loseWaiters(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.lost();
  }
}
