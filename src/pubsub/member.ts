import { Deferred, quiet } from "../core/deferred.ts";
import { ClosedError, type PubSubError, type ServerError } from "../errors.ts";
import { type CallOptions, Calls, type CallsOwner } from "./calls.ts";
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
  isLive(topic: Topic<OwnEntry>): boolean;
  isShared(entry: OwnEntry): boolean;
  add(entry: OwnEntry): Topic<OwnEntry>;
  remove(entry: OwnEntry): void;
  /** `missed` tells of those that were subscribed before, and since when messages may be missed. */
  subscribe(
    topics: readonly Topic<OwnEntry>[],
    options: CallOptions,
    missed: (topic: Topic<OwnEntry>) => Interruption | undefined,
  ): Promise<void>;
  unsubscribe(entries: readonly Entry[]): Promise<void>;
  /** What these may have missed since their subscriptions were interrupted; nothing once those are restored. */
  missedSoFar(entries: readonly OwnEntry[]): Missed[];
  leave(member: Member): Promise<void>;
  /** The same refusal, with the names as these entries show them. */
  about(error: unknown, entries: Iterable<Entry>): unknown;
}

/**
 * One consumer's share of a hub: its own names, with its own sinks. A name that the hub has already is confirmed at once,
 * by the member itself; one that no other member wants any more is unsubscribed at the server.
 */
export class Member implements Subscriptions {
  readonly registry: Registry<OwnEntry> = new Registry();
  readonly #hub: MemberHub;
  readonly #owner: SubscriptionsOwner;
  /** What bounds the calls in time is the engine. */
  readonly #calls: Calls = new Calls(new Unbounded(this), 0);
  /** Calls wait for it until the member is started. */
  #begun: Deferred<void> | null = new Deferred();
  #started = false;
  #state: State = "connecting";
  /** Why this member alone has failed. */
  #failure: unknown = null;
  /** Since when it has received nothing, where it has failed by itself: until these are subscribed again. */
  #lost: { readonly since: Interruption; readonly entries: Set<Entry> } | null = null;
  /** How many of its names it was told are subscribed: channels and patterns, and shard channels. */
  readonly #served = { classic: 0, shard: 0 };

  constructor(hub: MemberHub, owner: SubscriptionsOwner) {
    this.#hub = hub;
    this.#owner = owner;
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#started;
  }

  get awaited(): boolean {
    return this.#calls.size > 0;
  }

  get failure(): unknown {
    return this.#failure ?? this.#hub.engine.failure;
  }

  get denied(): ReadonlyMap<Entry, ServerError> {
    const denied = new Map<Entry, ServerError>();
    for (const [{ kind, key }, error] of this.#hub.engine.denied) {
      const entry = this.registry[kind].get(key);
      if (entry?.wanted) denied.set(entry, this.#hub.about(error, [entry]) as ServerError);
    }
    return denied;
  }

  start(): void {
    const { engine } = this.#hub;
    this.#started = true;
    this.#failure = null;
    if (this.#state === "failed") this.#enter("reconnecting");
    if (!engine.started || engine.state === "failed") engine.start();
    this.#begun?.resolve();
    this.#begun = null;
    this.follow(engine.state);
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

  async unsubscribe(entries: readonly OwnEntry[]): Promise<void> {
    for (const entry of entries) for (const claim of entry.abandon()) this.#calls.confirm(claim, entry);
    const shared: OwnEntry[] = [];
    const own: OwnEntry[] = [];
    for (const entry of entries) (this.#hub.isShared(entry) ? shared : own).push(entry);
    // The others may be restored later; these will not be.
    for (const missed of this.#hub.missedSoFar(shared)) this.missed(missed);
    for (const entry of shared) this.#confirm(verbs[entry.kind].unsubscribe, entry);
    // Who was told may want one again.
    this.forget(shared.filter((entry) => !entry.wanted));
    // What arrives before the server has confirmed it is delivered.
    if (own.length > 0) await this.#hub.unsubscribe(own);
    this.forget(own.filter((entry) => !entry.wanted));
  }

  pause(): void {}
  resume(): void {}

  giveUp(reason: unknown): void {
    this.#failure = reason;
    const calls = [...this.#calls];
    const served = [...this.registry].filter((entry) => entry.confirmed > 0);
    this.#lost = { since: { cause: "overflow", from: Date.now() }, entries: new Set(served) };
    for (const entry of served) this.#tally(entry, false);
    void quiet(this.#withdraw());
    this.#enter("failed");
    for (const call of calls) this.#calls.fail(call, reason);
  }

  async close(): Promise<void> {
    this.#enter("closed");
    this.#calls.rejectAll(() => new ClosedError("The consumer was closed."));
    const left = quiet(this.#withdraw());
    this.registry.clear();
    await left.catch(() => {});
    await this.#hub.leave(this);
  }

  // What the hub tells.

  confirmed(verb: Verb, entry: Entry): void {
    const subscribes = verb === verbs[entry.kind].subscribe;
    // Another member's call may have asked for the same name at the same time.
    const known = subscribes && entry.confirmed > 0;
    if (subscribes === entry.wanted && !known) this.#confirm(verb, entry);
  }

  missed({ cause, from, entries }: Missed): void {
    // Not those that have only just been asked for, and wait for the connection.
    const theirs = entries.filter(
      (entry) => entry.established || entry.confirmed > 0 || this.#lost?.entries.has(entry),
    );
    if (theirs.length === 0) return;
    for (const entry of theirs) {
      this.#tally(entry, false);
      this.#lost?.entries.delete(entry);
    }
    this.#owner.missed({ cause, from, entries: theirs });
  }

  denies(error: ServerError): void {
    this.#owner.denied(this.#hub.about(error, this.registry) as ServerError);
  }

  demoted(error: PubSubError): void {
    this.#owner.demoted(error);
  }

  /** The engine's state is the member's, unless it has failed by itself. */
  follow(state: State): void {
    if (this.#started && this.#failure === null && state !== "connecting" && state !== "closed") this.#enter(state);
  }

  // ---

  #ask(wishes: Iterable<Wish>, options: CallOptions): Promise<void> {
    const call = this.#calls.want(wishes, options);
    void this.#carry(call, options.timeout);
    return call.promise;
  }

  async #carry(call: Claim, timeout: number): Promise<void> {
    await this.#begun?.promise;
    if (call.settled) return;
    try {
      if (call.entries.length === 0) await this.#hub.engine.live({ timeout });
      const absent: Topic<OwnEntry>[] = [];
      for (const entry of call.left as OwnEntry[]) {
        if (!entry.claims.includes(call)) continue;
        const topic = this.#hub.add(entry);
        if (this.#hub.isLive(topic)) {
          this.#confirm(verbs[entry.kind].subscribe, entry);
          this.#calls.confirm(call, entry);
        } else {
          absent.push(topic);
        }
      }
      if (absent.length > 0) await this.#hub.subscribe(absent, { timeout }, (topic) => this.#missedOf(topic));
      this.#calls.finish(call);
    } catch (error) {
      this.#calls.fail(call, this.#hub.about(error, call.entries));
    }
  }

  /** Since when a name is missed, where the member has failed meanwhile. */
  #missedOf({ kind, key }: Topic<OwnEntry>): Interruption | undefined {
    const entry = this.registry[kind].get(key);
    return entry !== undefined && this.#lost?.entries.has(entry) ? this.#lost.since : undefined;
  }

  /** The server's count would be the hub's; a member is told its own. */
  #confirm(verb: Verb, entry: Entry): void {
    const { kind } = entry;
    const count = this.#tally(entry, verb === verbs[kind].subscribe);
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
    const deserted = entries.filter((entry) => !this.#hub.isShared(entry));
    for (const entry of entries) {
      entry.sink = discard;
      this.#tally(entry, false);
      this.registry.delete(entry);
      this.#hub.remove(entry);
    }
    // Should the hub close meanwhile, there is nothing to unsubscribe.
    if (deserted.length > 0) void quiet(this.#hub.unsubscribe(deserted));
    if (entries.length > 0 && this.registry.size === 0 && this.#state !== "closed") this.#owner.empty();
  }

  /** Receives nothing more; resolves when the server knows. */
  async #withdraw(): Promise<void> {
    const deserted = [...this.registry].filter((entry) => !this.#hub.isShared(entry));
    for (const entry of this.registry) this.#hub.remove(entry);
    await this.#hub.unsubscribe(deserted);
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
