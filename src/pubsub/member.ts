import { Deferred, quiet } from "../core/deferred.ts";
import { type Moment, takeMoment } from "../core/moment.ts";
import { within } from "../core/within.ts";
import { ClosedError, type PubSubError, type ServerError, TimeoutError } from "../errors.ts";
import { type CallOptions, Calls, type CallsOwner, notOpened } from "./calls.ts";
import { type Claim, discard, Entry } from "./entry.ts";
import type { Interruption, Missed } from "./losses.ts";
import { type Verb, verbs } from "./reconcile.ts";
import { Registry } from "./registry.ts";
import type { State, Subscriptions, SubscriptionsOwner } from "./subscriptions.ts";
import type { Topic } from "./topic.ts";
import type { Wish } from "./wish.ts";

/** A member's own entry for a name. */
export class OwnEntry extends Entry {
  readonly member: Member;

  constructor(member: Member, { kind, key, name, sink }: Wish) {
    super(kind, key, name, sink);
    this.member = member;
  }
}

/** What a member needs of its hub. */
export interface MemberHub {
  readonly engine: Pick<Subscriptions, "registry" | "state" | "started" | "denied" | "failure" | "start" | "live">;
  join(member: Member): void;
  isLive(topic: Topic<OwnEntry>): boolean;
  isShared(entry: OwnEntry): boolean;
  add(entry: OwnEntry): Topic<OwnEntry>;
  admit(entry: OwnEntry): void;
  remove(entry: OwnEntry): void;
  /** `missed` tells of those that were subscribed before, and since when messages may be missed. */
  subscribe(
    topics: readonly Topic<OwnEntry>[],
    options: CallOptions,
    missed: (topic: Topic<OwnEntry>) => Interruption | undefined,
  ): Promise<void>;
  unsubscribe(entries: readonly Entry[], timeout: number): Promise<void>;
  /** Calls `passed` when all is read that the server had sent for entries, or `lost` if that is lost before. */
  fence(own: readonly OwnEntry[], passed: (own: OwnEntry[]) => void, lost: (own: OwnEntry[]) => void): void;
  /** All that the servers of entries took until then has been read. */
  provenBy(own: readonly OwnEntry[]): Moment;
  /** What these may have missed since their subscriptions were interrupted; nothing once those are restored. */
  missedSoFar(entries: readonly OwnEntry[]): Missed[];
  leave(member: Member): Promise<void>;
  /** The same refusal, with the names as these entries show them. */
  about(error: unknown, entries: Iterable<Entry>): unknown;
}

/** So long is an unsubscribe awaited that no call waits for; milliseconds. */
const WITHDRAWAL = 100;

/**
 * One consumer's share of a hub: its own names, with its own sinks. A name that the hub has already is confirmed by the
 * member itself, once all is read that was published before; one that no other member wants is unsubscribed at the server.
 */
export class Member implements Subscriptions {
  readonly registry: Registry<OwnEntry> = new Registry();
  readonly #hubToJoin: () => MemberHub;
  readonly #owner: SubscriptionsOwner;
  readonly #readyTimeout: number;
  /** What bounds the calls in time is the engine. */
  readonly #calls: Calls = new Calls(new Unbounded(this), Number.POSITIVE_INFINITY);
  /** Joined when the member is started. */
  #hub: MemberHub | null = null;
  /** Calls wait for it until the member is started. */
  #begun: Deferred<MemberHub> | null = new Deferred();
  #state: State = "connecting";
  /** Why this member alone has failed. */
  #failure: unknown = null;
  /** Since when it has received nothing, where it has failed by itself: until these are subscribed again. */
  #lost: { readonly since: Interruption; readonly entries: Set<Entry> } | null = null;
  /** How many of its names it was told are subscribed: channels and patterns, and shard channels. */
  readonly #served = { classic: 0, shard: 0 };

  /** `readyTimeout` bounds calls that are made before the member is started; milliseconds. */
  constructor(hub: () => MemberHub, owner: SubscriptionsOwner, readyTimeout: number) {
    this.#hubToJoin = hub;
    this.#owner = owner;
    this.#readyTimeout = readyTimeout;
    if (this.#begun !== null) void quiet(this.#begun.promise);
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#hub !== null;
  }

  get awaited(): boolean {
    return this.#calls.size > 0;
  }

  get failure(): unknown {
    return this.#failure ?? this.#hub?.engine.failure ?? null;
  }

  get denied(): ReadonlyMap<Entry, ServerError> {
    const denied = new Map<Entry, ServerError>();
    const hub = this.#hub;
    if (hub === null) return denied;
    for (const [{ kind, key }, error] of hub.engine.denied) {
      const entry = this.registry[kind].get(key);
      if (entry?.wanted) denied.set(entry, hub.about(error, [entry]) as ServerError);
    }
    return denied;
  }

  start(): void {
    this.#failure = null;
    const hub = this.#hub ?? this.#hubToJoin();
    this.#hub = hub;
    hub.join(this);
    if (this.#state === "failed") this.#enter("reconnecting");
    if (!hub.engine.started || hub.engine.state === "failed") hub.engine.start();
    this.#begun?.resolve(hub);
    this.#begun = null;
    this.follow(hub.engine.state);
  }

  live(options: CallOptions): Promise<void> {
    return this.#ask([], options);
  }

  subscribe(wishes: Iterable<Wish>, options: CallOptions): Promise<void> {
    return this.#ask(wishes, options);
  }

  reassert(entries: readonly OwnEntry[], options: CallOptions): Promise<void> {
    return this.#ask(entries, options);
  }

  async unsubscribe(entries: readonly OwnEntry[], timeout: number): Promise<void> {
    for (const entry of entries) for (const claim of entry.abandon()) this.#calls.confirm(claim, entry);
    const hub = this.#hub;
    if (hub === null) return this.forget(entries);
    const shared: OwnEntry[] = [];
    const own: OwnEntry[] = [];
    for (const entry of entries) (hub.isShared(entry) ? shared : own).push(entry);
    const left = this.#leave(hub, shared);
    // What arrives before the server has confirmed it is delivered.
    const unsubscribed = quiet(own.length > 0 ? hub.unsubscribe(own, timeout) : Promise.resolve());
    await within(timeout, left, () => {});
    await unsubscribed;
    this.forget(own.filter((entry) => !entry.wanted));
  }

  pause(): void {}
  resume(): void {}

  giveUp(reason: unknown): void {
    this.#failure = reason;
    const calls = [...this.#calls];
    const served = [...this.registry].filter((entry) => entry.confirmed > 0);
    // The message that did not fit is the first that is lost.
    const since = this.#hub?.provenBy(served) ?? takeMoment();
    this.#lost = { since: { cause: "overflow", since }, entries: new Set(served) };
    for (const entry of served) this.#tally(entry, false);
    void quiet(this.#withdraw());
    this.#enter("failed");
    for (const call of calls) this.#calls.fail(call, reason);
  }

  async close(): Promise<void> {
    this.#enter("closed");
    this.#calls.rejectAll(() => new ClosedError("The consumer was closed."));
    this.#begun?.reject(new ClosedError("The consumer was closed."));
    this.#begun = null;
    const left = quiet(this.#withdraw());
    this.registry.clear();
    await left.catch(() => {});
    await this.#hub?.leave(this);
  }

  // What the hub tells.

  confirmed(verb: Verb, entry: OwnEntry): void {
    const subscribes = verb === verbs[entry.kind].subscribe;
    // Another member's call may have asked for the same name at the same time.
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
    this.#owner.denied((this.#hub?.about(error, this.registry) ?? error) as ServerError);
  }

  demoted(error: PubSubError): void {
    this.#owner.demoted(error);
  }

  /** The engine's state is the member's, unless it has failed by itself. */
  follow(state: State): void {
    if (this.started && this.#failure === null && state !== "connecting" && state !== "closed") this.#enter(state);
  }

  // ---

  #ask(wishes: Iterable<Wish>, options: CallOptions): Promise<void> {
    const call = this.#calls.want(wishes, options);
    void this.#carry(call, options);
    return call.promise;
  }

  async #carry(call: Claim, { timeout, initial = false }: CallOptions): Promise<void> {
    try {
      const hub = this.#hub ?? (await this.#join(initial));
      if (call.settled) return;
      if (call.entries.length === 0) await hub.engine.live({ timeout });
      const live: OwnEntry[] = [];
      const absent: OwnEntry[] = [];
      for (const entry of call.left as OwnEntry[]) {
        if (entry.claims.includes(call)) (hub.isLive(hub.add(entry)) ? live : absent).push(entry);
      }
      await Promise.all([this.#takeLive(hub, call, live, timeout), this.#takeAbsent(hub, absent, timeout)]);
      this.#calls.finish(call);
    } catch (error) {
      this.#calls.fail(call, this.#hub?.about(error, call.entries) ?? error);
    }
  }

  /** Resolves when the member is started. */
  async #join(initial: boolean): Promise<MemberHub> {
    if (this.#begun === null) throw new ClosedError("The consumer is closed.");
    return within(initial ? Number.POSITIVE_INFINITY : this.#readyTimeout, this.#begun.promise, () => {
      throw notOpened(this.#readyTimeout);
    });
  }

  /** Takes names that the hub has: confirmed here, once what was published before is read. */
  async #takeLive(hub: MemberHub, call: Claim, entries: readonly OwnEntry[], timeout: number): Promise<void> {
    if (entries.length === 0) return;
    const lost: OwnEntry[] = [];
    const done = new Deferred<void>();
    let left = entries.length;
    const settled = (some: readonly OwnEntry[]): void => {
      left -= some.length;
      if (left === 0) done.resolve();
    };
    hub.fence(
      entries,
      (passed) => {
        for (const entry of passed) {
          if (call.settled || !entry.claims.includes(call)) continue;
          this.#confirm(verbs[entry.kind].subscribe, entry);
          this.#calls.confirm(call, entry);
        }
        settled(passed);
      },
      (some) => {
        lost.push(...some.filter((entry) => entry.claims.includes(call)));
        settled(some);
      },
    );
    await within(timeout, done.promise, () => {
      throw new TimeoutError(`No answer of the server within ${timeout} ms.`);
    });
    // The consumer may have been closed meanwhile, and the hub with it.
    if (!call.settled) await this.#takeAbsent(hub, lost, timeout);
  }

  /** Has the hub subscribe names that it lacks. */
  async #takeAbsent(hub: MemberHub, entries: readonly OwnEntry[], timeout: number): Promise<void> {
    if (entries.length === 0) return;
    const topics = entries.map((entry) => hub.add(entry));
    await hub.subscribe(topics, { timeout }, (topic) => this.#missedOf(topic));
  }

  /** Gives names up that other members keep: like a server, once all is read that was published before. */
  #leave(hub: MemberHub, entries: readonly OwnEntry[]): Promise<void> {
    if (entries.length === 0) return Promise.resolve();
    const done = new Deferred<void>();
    let left = entries.length;
    const leave = (some: readonly OwnEntry[]): void => {
      for (const entry of some) this.#confirm(verbs[entry.kind].unsubscribe, entry);
      // A listener may want one again.
      this.forget(some.filter((entry) => !entry.wanted));
      left -= some.length;
      if (left === 0) done.resolve();
    };
    hub.fence(entries, leave, (lost) => {
      // The others will be told when they are restored; these will not be.
      for (const missed of hub.missedSoFar(lost)) this.missed(missed);
      leave(lost);
    });
    return done.promise;
  }

  /** Since when a name is missed, where the member has failed meanwhile. */
  #missedOf({ kind, key }: Topic<OwnEntry>): Interruption | undefined {
    const entry = this.registry[kind].get(key);
    return entry !== undefined && this.#lost?.entries.has(entry) ? this.#lost.since : undefined;
  }

  /** The server's count would be the hub's; a member is told its own. */
  #confirm(verb: Verb, entry: OwnEntry): void {
    const { kind } = entry;
    const subscribes = verb === verbs[kind].subscribe;
    const count = this.#tally(entry, subscribes);
    if (subscribes) this.#hub?.admit(entry);
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

  /** @internal */
  enter(wish: Wish): OwnEntry {
    const known = this.registry[wish.kind].get(wish.key);
    if (known !== undefined) return known;
    const entry = new OwnEntry(this, wish);
    this.registry.add(entry);
    return entry;
  }

  /** @internal */
  forget(unwanted: readonly OwnEntry[]): void {
    // One that was forgotten before may have a successor of the same name.
    const entries = unwanted.filter((entry) => this.registry[entry.kind].get(entry.key) === entry);
    const hub = this.#hub;
    const deserted = entries.filter((entry) => hub?.isShared(entry) === false);
    for (const entry of entries) {
      entry.sink = discard;
      this.#tally(entry, false);
      this.registry.delete(entry);
      hub?.remove(entry);
    }
    // Should the hub close meanwhile, there is nothing to unsubscribe.
    if (hub !== null && deserted.length > 0) void quiet(hub.unsubscribe(deserted, WITHDRAWAL));
    if (entries.length > 0 && this.registry.size === 0 && this.#state !== "closed") this.#owner.empty();
  }

  /** Receives nothing more; resolves when the server knows. */
  async #withdraw(): Promise<void> {
    const hub = this.#hub;
    if (hub === null) return;
    const deserted = [...this.registry].filter((entry) => !hub.isShared(entry));
    for (const entry of this.registry) hub.remove(entry);
    await hub.unsubscribe(deserted, WITHDRAWAL);
  }

  #enter(state: State): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#owner.state(state);
  }
}

/** What calls see of a member: whatever time they have is the engine's to keep. */
class Unbounded implements CallsOwner {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  get started(): boolean {
    return false;
  }

  get links(): readonly [] {
    return [];
  }

  get failure(): null {
    return null;
  }

  nextOrder(): number {
    return 0;
  }

  trying(): boolean {
    return false;
  }

  changed(): void {}

  enter(wish: Wish): OwnEntry {
    return this.#member.enter(wish);
  }

  send(entries: readonly OwnEntry[]): void {
    this.#member.forget(entries.filter((entry) => !entry.wanted));
  }
}
