import { address, type Endpoint } from "../../connection/settings.ts";
import { Deferred, handled } from "../../core/deferred.ts";
import { type Moment, takeMoment } from "../../core/moment.ts";
import { within } from "../../core/within.ts";
import { ClosedError, type PubSubError, type ServerError, TimeoutError } from "../../errors.ts";
import type { State } from "../model/state.ts";
import { Call } from "../subscriptions/call.ts";
import { notOpened } from "../subscriptions/call-deadlines.ts";
import { type CallOptions, Calls } from "../subscriptions/calls.ts";
import { discard, Entry, type Kind, type PendingCall } from "../subscriptions/entry.ts";
import type { Interruption, Missed } from "../subscriptions/losses.ts";
import { type Verb, verbs } from "../subscriptions/reconcile.ts";
import { Registry } from "../subscriptions/registry.ts";
import type { SubscriptionRequest } from "../subscriptions/request.ts";
import type { Subscriptions, SubscriptionsOwner } from "../subscriptions/subscriptions.ts";
import type { FanOut } from "./fan-out.ts";

/** A shared consumer's own entry for a name. */
export class OwnEntry extends Entry {
  readonly consumer: SharedConsumer;

  constructor(consumer: SharedConsumer, { kind, key, name, sink }: SubscriptionRequest) {
    super(kind, key, name, sink);
    this.consumer = consumer;
  }
}

/** What a shared consumer needs of the shared subscriptions. */
export interface SharedConsumerHost {
  readonly engine: Pick<Subscriptions, "registry" | "state" | "started" | "denied" | "failure" | "start" | "live">;
  join(consumer: SharedConsumer): void;
  isLive(fanOut: FanOut<OwnEntry>): boolean;
  isShared(entry: OwnEntry): boolean;
  add(entry: OwnEntry): FanOut<OwnEntry>;
  admit(entry: OwnEntry): void;
  remove(entry: OwnEntry): void;
  /** `missed` tells of those that were subscribed before, and since when messages may be missed. */
  subscribe(
    fanOuts: readonly FanOut<OwnEntry>[],
    options: CallOptions,
    missed: (fanOut: FanOut<OwnEntry>) => Interruption | undefined,
  ): Promise<void>;
  unsubscribe(entries: readonly Entry[], timeout: number): Promise<void>;
  /** Calls `passed` when all is read that the server had sent for entries, or `lost` if that is lost before. */
  fence(own: readonly OwnEntry[], passed: (own: OwnEntry[]) => void, lost: (own: OwnEntry[]) => void): void;
  /** All that the servers of entries took until then has been read. */
  provenBy(own: readonly OwnEntry[]): Moment;
  /** What these may have missed since their subscriptions were interrupted; nothing once those are restored. */
  missedSoFar(entries: readonly OwnEntry[]): Missed[];
  leave(consumer: SharedConsumer): Promise<void>;
  /** The same refusal, with the names as these entries show them. */
  about(error: unknown, entries: Iterable<Entry>): unknown;
}

/** So long is an unsubscribe awaited that no call waits for; milliseconds. */
const WITHDRAWAL = 100;

/**
 * One consumer's share of a host: its own names, with its own sinks. A name that the host has already is confirmed by the
 * consumer itself, once all is read that was published before; one that no other consumer wants is unsubscribed at the server.
 */
export class SharedConsumer implements Subscriptions {
  readonly registry: Registry<OwnEntry> = new Registry();
  readonly #hostToJoin: () => SharedConsumerHost;
  readonly #owner: SubscriptionsOwner;
  readonly #readyTimeout: number;
  /** They have no timers: the engine's calls bound them. */
  readonly #calls: Calls = new Calls({
    enter: (request) => this.#entryOf(request),
    send: (entries) => this.#forget((entries as readonly OwnEntry[]).filter((entry) => !entry.wanted)),
    isUndecided: () => false,
    changed: () => {},
  });
  /** Joined at the start. */
  #host: SharedConsumerHost | null = null;
  /** Calls wait for it until the start. */
  #begun: Deferred<SharedConsumerHost> | null = new Deferred();
  #state: State = "connecting";
  /** Why this consumer alone has failed. */
  #failure: unknown = null;
  /** Since when it has received nothing, where it has failed by itself: until these are subscribed again. */
  #lost: { readonly since: Interruption; readonly entries: Set<Entry> } | null = null;
  /** How many of its names it was told are subscribed: channels and patterns, and shard channels. */
  readonly #served = { classic: 0, shard: 0 };

  /** `readyTimeout` bounds calls that are made before the start; milliseconds. */
  constructor(host: () => SharedConsumerHost, owner: SubscriptionsOwner, readyTimeout: number) {
    this.#hostToJoin = host;
    this.#owner = owner;
    this.#readyTimeout = readyTimeout;
    if (this.#begun !== null) void handled(this.#begun.promise);
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#host !== null;
  }

  get nodes(): Endpoint[] {
    const nodes = new Map<string, Endpoint>();
    for (const { link } of this.registry)
      if (link.ready && link.endpoint !== null) nodes.set(address(link.endpoint), link.endpoint);
    return [...nodes.values()];
  }

  get empty(): boolean {
    return this.registry.size === 0 && !this.#calls.entering;
  }

  get awaited(): boolean {
    return this.#calls.size > 0;
  }

  get failure(): unknown {
    return this.#failure ?? this.#host?.engine.failure ?? null;
  }

  get denied(): ReadonlyMap<Entry, ServerError> {
    const denied = new Map<Entry, ServerError>();
    const host = this.#host;
    if (host === null) return denied;
    for (const [{ kind, key }, error] of host.engine.denied) {
      const entry = this.registry[kind].get(key);
      if (entry?.wanted) denied.set(entry, host.about(error, [entry]) as ServerError);
    }
    return denied;
  }

  start(): void {
    this.#failure = null;
    const host = this.#host ?? this.#hostToJoin();
    this.#host = host;
    host.join(this);
    if (this.#state === "failed") this.#enter("reconnecting");
    if (!host.engine.started || host.engine.state === "failed") host.engine.start();
    this.#begun?.resolve(host);
    this.#begun = null;
    this.follow(host.engine.state);
  }

  live(options: CallOptions): Promise<void> {
    return this.#ask([], options);
  }

  subscribe(requests: Iterable<SubscriptionRequest>, options: CallOptions): Promise<void> {
    return this.#ask(requests, options);
  }

  reassert(entries: readonly OwnEntry[], options: CallOptions): Promise<void> {
    return this.#ask(entries, options);
  }

  withdraw(kind: Kind, keys: ReadonlySet<string> | null): void {
    this.#calls.withdraw(kind, keys);
  }

  async unsubscribe(entries: readonly OwnEntry[], timeout: number): Promise<void> {
    for (const entry of entries) for (const claim of entry.abandon()) this.#calls.confirm(claim, entry);
    const host = this.#host;
    if (host === null) return this.#forget(entries);
    const shared: OwnEntry[] = [];
    const own: OwnEntry[] = [];
    for (const entry of entries) (host.isShared(entry) ? shared : own).push(entry);
    const left = this.#leave(host, shared);
    // What arrives before the server has confirmed it is delivered.
    const unsubscribed = handled(own.length > 0 ? host.unsubscribe(own, timeout) : Promise.resolve());
    await within(timeout, left, () => {});
    await unsubscribed;
    this.#forget(own.filter((entry) => !entry.wanted));
  }

  pause(): void {}
  resume(): void {}

  giveUp(reason: unknown): void {
    this.#failure = reason;
    const calls = [...this.#calls];
    const served = [...this.registry].filter((entry) => entry.confirmed > 0);
    // The message that did not fit is the first that is lost.
    const since = this.#host?.provenBy(served) ?? takeMoment();
    this.#lost = { since: { cause: "overflow", since }, entries: new Set(served) };
    for (const entry of served) this.#tally(entry, false);
    void handled(this.#withdraw());
    this.#enter("failed");
    for (const call of calls) this.#calls.fail(call, reason);
  }

  async close(): Promise<void> {
    this.#enter("closed");
    this.#calls.rejectAll(() => new ClosedError("The consumer was closed."));
    this.#begun?.reject(new ClosedError("The consumer was closed."));
    this.#begun = null;
    const left = handled(this.#withdraw());
    this.registry.clear();
    await left.catch(() => {});
    await this.#host?.leave(this);
  }

  // What the host tells.

  confirmed(verb: Verb, entry: OwnEntry): void {
    const subscribes = verb === verbs[entry.kind].subscribe;
    // Another consumer's call may have asked for the same name at the same time.
    const known = subscribes && entry.confirmed > 0;
    if (subscribes === entry.wanted && !known) this.#confirm(verb, entry);
  }

  missed({ cause, since, entries }: Missed): void {
    if (this.#state === "closed") return;
    // Not those that have only just been asked for, and wait for the connection.
    const theirs = entries.filter(
      (entry) => entry.established || entry.confirmed > 0 || this.#lost?.entries.has(entry),
    );
    if (theirs.length === 0) return;
    for (const entry of theirs) {
      this.#tally(entry, false);
      this.#lost?.entries.delete(entry);
    }
    this.#owner.missed({ cause, since, entries: theirs });
  }

  denies(error: ServerError): void {
    this.#owner.denied((this.#host?.about(error, this.registry) ?? error) as ServerError);
  }

  demoted(error: PubSubError): void {
    this.#owner.demoted(error);
  }

  /** The engine's state is the consumer's, unless it has failed by itself. */
  follow(state: State, retryIn: number | null = null): void {
    if (!this.started || this.#failure !== null || state === "connecting" || state === "closed") return;
    this.#enter(state, retryIn);
  }

  retrying(cause: unknown, delay: number): void {
    this.#owner.retrying(cause, delay);
  }

  // ---

  #ask(requests: Iterable<SubscriptionRequest>, options: CallOptions): Promise<void> {
    const call: PendingCall = new Call(0);
    this.#calls.want(call, requests, { signal: options.signal, entered: () => this.#entered(call, options) });
    return call.promise;
  }

  #entered(call: PendingCall, options: CallOptions): void {
    // All of its names, and what there was before, were unsubscribed meanwhile.
    if (call.entries.length === 0 && this.started && this.empty) this.#owner.empty();
    void this.#carry(call, options);
  }

  /** Has the names of a call subscribed. */
  async #carry(call: PendingCall, { timeout, initial = false }: CallOptions): Promise<void> {
    try {
      const host = this.#host ?? (await this.#join(initial));
      if (call.settled) return;
      if (call.entries.length === 0) await host.engine.live({ timeout });
      const live: OwnEntry[] = [];
      const absent: OwnEntry[] = [];
      for (const entry of call.left as OwnEntry[]) {
        if (entry.calls.includes(call)) (host.isLive(host.add(entry)) ? live : absent).push(entry);
      }
      await Promise.all([this.#takeLive(host, call, live, timeout), this.#takeAbsent(host, absent, timeout)]);
      this.#calls.finish(call);
    } catch (error) {
      this.#calls.fail(call, this.#host?.about(error, call.entries) ?? error);
    }
  }

  /** Resolves at the start. */
  async #join(initial: boolean): Promise<SharedConsumerHost> {
    if (this.#begun === null) throw new ClosedError("The consumer is closed.");
    return within(initial ? Number.POSITIVE_INFINITY : this.#readyTimeout, this.#begun.promise, () => {
      throw notOpened(this.#readyTimeout);
    });
  }

  /** Takes names that the host has: confirmed here, once what was published before is read. */
  async #takeLive(
    host: SharedConsumerHost,
    call: PendingCall,
    entries: readonly OwnEntry[],
    timeout: number,
  ): Promise<void> {
    if (entries.length === 0) return;
    const lost: OwnEntry[] = [];
    const done = new Deferred<void>();
    let left = entries.length;
    const settled = (some: readonly OwnEntry[]): void => {
      left -= some.length;
      if (left === 0) done.resolve();
    };
    host.fence(
      entries,
      (passed) => {
        for (const entry of passed) {
          if (call.settled || !entry.calls.includes(call)) continue;
          this.#confirm(verbs[entry.kind].subscribe, entry);
          this.#calls.confirm(call, entry);
        }
        settled(passed);
      },
      (some) => {
        lost.push(...some.filter((entry) => entry.calls.includes(call)));
        settled(some);
      },
    );
    await within(timeout, done.promise, () => {
      throw new TimeoutError(`No answer of the server within ${timeout} ms.`);
    });
    // The consumer may have been closed meanwhile, and the host with it.
    if (!call.settled) await this.#takeAbsent(host, lost, timeout);
  }

  /** Has the host subscribe names that it lacks. */
  async #takeAbsent(host: SharedConsumerHost, entries: readonly OwnEntry[], timeout: number): Promise<void> {
    if (entries.length === 0) return;
    const fanOuts = entries.map((entry) => host.add(entry));
    await host.subscribe(fanOuts, { timeout }, (fanOut) => this.#missedOf(fanOut));
  }

  /** Gives names up that other consumers keep: like a server, once all is read that was published before. */
  #leave(host: SharedConsumerHost, entries: readonly OwnEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    const done = new Deferred<void>();
    let left = entries.length;
    const leave = (some: readonly OwnEntry[]): void => {
      for (const entry of some) this.#confirm(verbs[entry.kind].unsubscribe, entry);
      // A listener may want one again.
      this.#forget(some.filter((entry) => !entry.wanted));
      left -= some.length;
      if (left === 0) done.resolve();
    };
    host.fence(entries, leave, (lost) => {
      // The others will be told when they are restored; these will not be.
      for (const missed of host.missedSoFar(lost)) this.missed(missed);
      leave(lost);
    });
    return done.promise;
  }

  /** Since when a name is missed, where the consumer has failed meanwhile. */
  #missedOf({ kind, key }: FanOut<OwnEntry>): Interruption | undefined {
    const entry = this.registry[kind].get(key);
    return entry !== undefined && this.#lost?.entries.has(entry) ? this.#lost.since : undefined;
  }

  /** The server counts the names of all; a consumer is told how many are its own. */
  #confirm(verb: Verb, entry: OwnEntry): void {
    const { kind } = entry;
    const subscribes = verb === verbs[kind].subscribe;
    const count = this.#tally(entry, subscribes);
    if (subscribes) this.#host?.admit(entry);
    if (this.#lost?.entries.delete(entry) && entry.confirmed > 0) {
      this.#owner.missed({ ...this.#lost.since, entries: [entry] });
    }
    this.#owner.confirmed(verb, entry, count);
  }

  #tally(entry: Entry, served: boolean): number {
    const group = entry.kind === "shard" ? "shard" : "classic";
    if (entry.confirmed > 0 !== served) {
      entry.confirmed = served ? 1 : 0;
      this.#served[group] += served ? 1 : -1;
    }
    return this.#served[group];
  }

  #entryOf(request: SubscriptionRequest): OwnEntry {
    const known = this.registry[request.kind].get(request.key);
    if (known !== undefined) return known;
    const entry = new OwnEntry(this, request);
    this.registry.add(entry);
    return entry;
  }

  #forget(unwanted: readonly OwnEntry[]): void {
    // One that was forgotten before may have a successor of the same name.
    const entries = unwanted.filter((entry) => this.registry[entry.kind].get(entry.key) === entry);
    const host = this.#host;
    const deserted = entries.filter((entry) => host?.isShared(entry) === false);
    for (const entry of entries) {
      entry.sink = discard;
      this.#tally(entry, false);
      this.registry.delete(entry);
      host?.remove(entry);
    }
    // Should the host close meanwhile, there is nothing to unsubscribe.
    if (host !== null && deserted.length > 0) void handled(host.unsubscribe(deserted, WITHDRAWAL));
    if (entries.length > 0 && this.empty && this.#state !== "closed") this.#owner.empty();
  }

  /** Receives nothing more; resolves when the server knows. */
  async #withdraw(): Promise<void> {
    const host = this.#host;
    if (host === null) return;
    const deserted = [...this.registry].filter((entry) => !host.isShared(entry));
    for (const entry of this.registry) host.remove(entry);
    await host.unsubscribe(deserted, WITHDRAWAL);
  }

  #enter(state: State, retryIn: number | null = null): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#owner.state(state, retryIn);
  }
}
