import { isPassing } from "../connection/handshake.ts";
import { onAbort } from "../core/abort.ts";
import { ClosedError, type ServerError, TimeoutError } from "../errors.ts";
import { Call } from "./call.ts";
import { type Carrier, Command, type CommandOwner } from "./command.ts";
import { Denials } from "./denials.ts";
import { type Claim, discard, Entry, type Kind, type Sink } from "./entry.ts";
import { Link, type LinkOptions, type LinkOwner, type Loss } from "./link.ts";
import { OneLink, type Placement } from "./placement.ts";
import { reconcile, type Step, type Verb } from "./reconcile.ts";
import { Registry } from "./registry.ts";
import type { SubscriberSource } from "./source.ts";

/** Where a consumer stands: `reconnecting` from the loss of a connection until all is restored; `failed` until `retry()`. */
export type State = "connecting" | "live" | "reconnecting" | "failed" | "closed";

/** A name that a call wants, and where its messages are to go. */
export interface Wish {
  readonly kind: Kind;
  readonly key: string;
  readonly name: string | Buffer;
  readonly sink: Sink;
}

/** Who is told what the engine does. */
export interface EngineOwner {
  confirmed(verb: Verb, entry: Entry, count: number): void;
  /** Entries are subscribed again; what was sent for them since `from` (epoch milliseconds) may be missed. */
  missed(entries: readonly Entry[], from: number): void;
  state(state: State): void;
  /** The server denied names that stay wanted. */
  denied(error: ServerError): void;
  /** No entry is left: nothing is wanted, and no unsubscribe awaits its confirmation. */
  empty(): void;
}

/** Times in milliseconds. */
export interface EngineOptions extends LinkOptions {
  readonly connectTimeout: number;
  readonly unsubscriptionTimeout: number;
}

/** What bounds one call; the timeout counts silence on a ready connection. */
export interface CallOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Joins the registry (what is wanted), the links (what the servers have) and the placement (which name goes over which
 * link). Whatever happens, the way is the same: note the wish, `reconcile`, send, and let the answers settle it.
 */
export class Engine implements LinkOwner, CommandOwner {
  readonly registry: Registry = new Registry();
  readonly #denials: Denials = new Denials({
    ask: (entry, { verb, link, call }) => this.#dispatch({ verb, entries: [entry] }, link, call),
    skipped: (call, entry) => this.#confirm(call, entry),
    granted: (call) => this.#finishIfDone(call),
    rejected: (call, error) => this.#fail(call, error),
    confirmed: (command, entry, count) => this.#owner.confirmed(command.verb, entry, count),
    denied: (error) => this.#owner.denied(error),
  });
  readonly #owner: EngineOwner;
  readonly #options: EngineOptions;
  readonly #placement: Placement;
  /** Calls that are not settled. */
  readonly #calls: Set<Claim> = new Set();
  #order = 0;
  #epoch = 0;
  #started = false;
  #state: State = "connecting";
  /** When the last byte of each lost connection arrived, in epoch milliseconds, for entries that are not restored yet. */
  readonly #lostAt: Map<number, number> = new Map();
  /** Why the last connection or attempt ended. */
  #loss: unknown = null;

  constructor(source: SubscriberSource, owner: EngineOwner, options: EngineOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#placement = new OneLink(new Link(source, this, this.registry, options, () => ++this.#epoch));
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Names that the server denied and that are still wanted. */
  get denied(): ReadonlyMap<Entry, ServerError> {
    return this.#denials.entries;
  }

  /** Whether a call waits. */
  get awaited(): boolean {
    return this.#calls.size > 0;
  }

  /** Why it failed. */
  get failure(): unknown {
    return this.#loss;
  }

  /** Begins to connect. What is wanted is subscribed as soon as a link is up. */
  start(): void {
    this.#started = true;
    if (this.#state === "failed") this.#enter("reconnecting");
    for (const call of this.#calls) call.enter("away");
    for (const link of this.#placement.links) link.start();
  }

  /** Resolves when every link is up and has restored what is wanted. */
  live(options: CallOptions): Promise<void> {
    return this.#ask([], options);
  }

  /** Wants the names, all or none; resolves when the server has confirmed every one. */
  subscribe(wishes: readonly Wish[], options: CallOptions): Promise<void> {
    return this.#ask(
      wishes.map((wish) => this.#entry(wish)),
      options,
      wishes,
    );
  }

  /** Asks again for entries that are wanted already; resolves when they are confirmed. */
  reassert(entries: readonly Entry[], options: CallOptions): Promise<void> {
    return this.#ask(entries, options);
  }

  /** No longer wants the entries; resolves when the server has confirmed it, or keeps silent. */
  unsubscribe(entries: readonly Entry[]): Promise<void> {
    const call = this.#call(entries, this.#options.unsubscriptionTimeout, () => {
      for (const entry of call.left) entry.link.doubt();
      this.#finish(call);
    });
    for (const entry of entries) {
      // Calls that wait for a restoration will not see this name in it; the others see their own confirmation.
      const { link } = entry;
      for (const claim of entry.abandon()) if (!link.ready || claim.order < link.since) this.#confirm(claim, entry);
    }
    this.#send(entries, { call });
    for (const entry of entries) if (!entry.leaving) this.#confirm(call, entry);
    if (entries.length === 0) this.#finish(call);
    return call.promise;
  }

  /** Ends all: pending calls reject, links let their connections go. */
  async close(): Promise<void> {
    this.#enter("closed");
    const closed = new ClosedError("The consumer was closed.");
    for (const call of this.#calls) call.reject(closed);
    this.#calls.clear();
    this.registry.clear();
    this.#denials.entries.clear();
    await Promise.all(this.#placement.links.map((link) => link.stop()));
  }

  // What links tell (LinkOwner).

  up(link: Link): void {
    link.since = ++this.#order;
    const entries: Entry[] = [];
    for (const entry of this.registry) if (entry.link === link) entries.push(entry);
    for (const step of reconcile(entries)) this.#dispatch(step, link, null);
    for (const call of this.#calls) call.enter("ready");
  }

  restored(): void {
    if (this.#state === "closed" || !this.#placement.links.every((link) => link.ready)) return;
    this.#denials.restored();
    const awaited = new Set(Array.from(this.denied.keys(), (entry) => entry.confirmed));
    for (const epoch of this.#lostAt.keys()) if (!awaited.has(epoch)) this.#lostAt.delete(epoch);
    this.#enter("live");
    for (const call of this.#calls) if (call.entries.length === 0) this.#finish(call);
  }

  down(link: Link, { epoch, lastByteAt, reason }: Loss): void {
    this.#loss = reason;
    this.#lostAt.set(epoch, lastByteAt);
    this.#denials.reset();
    if (this.#state === "live") this.#enter("reconnecting");
    for (const entry of this.registry) if (entry.link === link && !entry.wanted) this.#forget(entry);
    for (const call of this.#calls) {
      call.commands = 0;
      call.enter("away");
      // A name unsubscribed meanwhile will not be restored; there is nothing to wait for.
      for (const entry of call.left) if (!entry.claims.includes(call)) this.#confirm(call, entry);
    }
  }

  missed(_link: Link, reason: unknown): void {
    this.#loss = reason;
  }

  failed(_link: Link, reason: unknown): void {
    this.#loss = reason;
    // Who listens to the state may retry at once; that call is not one that failed.
    const calls = [...this.#calls];
    this.#enter("failed");
    for (const call of calls) this.#fail(call, reason);
  }

  granted(command: Command): void {
    if (this.#lostAt.size === 0) return;
    const lost = command.left.filter((entry) => this.#lostAt.has(entry.confirmed));
    if (lost.length === 0) return;
    this.#owner.missed(lost, Math.min(...lost.map((entry) => this.#lostAt.get(entry.confirmed) ?? 0)));
  }

  confirmed(command: Command, entry: Entry, count: number): void {
    if (command.subscribes) this.#subscribed(command, entry, count);
    else this.#unsubscribed(command, entry, count);
    if (command.done) this.#answered(command);
  }

  // What commands tell (CommandOwner).

  refused(command: Command, error: ServerError): void {
    const { link, left, call } = command;
    if (!command.subscribes) {
      // NOSUB and its like: there was nothing to unsubscribe.
      for (const entry of left) this.#unsubscribed(command, entry, null);
    } else if (call === null && isPassing(error)) {
      // The next connection restores; nothing of this one counts as answered.
      link.reset(error);
      return;
    } else {
      this.#denials.take(command, error);
    }
    this.#answered(command);
    link.finish(command);
  }

  lost(command: Command): void {
    const { call } = command;
    if (call !== null && !command.subscribes) for (const entry of command.left) this.#confirm(call, entry);
  }

  // Calls.

  #ask(entries: readonly Entry[], { timeout, signal }: CallOptions, wishes?: readonly Wish[]): Promise<void> {
    const call = this.#call(entries, timeout, (bound) => {
      this.#fail(call, this.#late(call, bound));
    });
    const claim = Object.freeze([call]);
    for (const [i, entry] of entries.entries()) {
      const before = entry.sink;
      const after = wishes?.[i]?.sink ?? before;
      if (entry.wanted && after !== before) call.replaced.set(entry, { before, after });
      entry.sink = after;
      entry.claim(call, claim);
    }
    this.#send(entries, { call, reassert: true });
    if (entries.length === 0 && this.#state === "live") this.#finish(call);
    if (signal !== undefined) {
      const abort = onAbort(signal, () => this.#fail(call, signal.reason));
      void call.promise.then(
        () => abort[Symbol.dispose](),
        () => abort[Symbol.dispose](),
      );
    }
    return call.promise;
  }

  #late(call: Claim, bound: number): TimeoutError {
    if (call.left.size > 0 && [...call.left].every((entry) => entry.link.ready)) {
      return new TimeoutError(`No confirmation for ${nameList([...call.left])} within ${bound} ms.`);
    }
    const cause = this.#loss;
    const why = cause instanceof Error ? cause.message : "Is the server up?";
    return new TimeoutError(`No connection within ${bound} ms. ${why}`, cause === null ? undefined : { cause });
  }

  #call(entries: readonly Entry[], timeout: number, late: (bound: number) => void): Claim {
    const call: Claim = new Call(++this.#order, entries, { ready: timeout, away: this.#options.connectTimeout }, late);
    this.#calls.add(call);
    const ready = entries.every((entry) => entry.link.ready) && (entries.length > 0 || this.#state === "live");
    if (this.#started) call.enter(ready ? "ready" : "away");
    return call;
  }

  #confirm(call: Claim, entry: Entry): void {
    call.confirm(entry);
    this.#finishIfDone(call);
  }

  #finishIfDone(call: Claim): void {
    if (call.left.size === 0 && !this.#denials.trying(call)) this.#finish(call);
  }

  #finish(call: Claim): void {
    if (!this.#calls.delete(call)) return;
    for (const entry of call.entries) {
      if (entry.claims.includes(call)) entry.established = true;
      entry.unclaim(call);
    }
    call.resolve();
  }

  /** Undoes what only this call wanted, and rejects it. */
  #fail(call: Claim, error: unknown): void {
    if (!this.#calls.delete(call)) return;
    for (const [entry, { before, after }] of call.replaced) {
      if (entry.sink === after) entry.sink = before;
      // Should a later call fail too, it must not bring this one's handler back.
      for (const later of entry.claims) {
        const replaced = later.replaced.get(entry);
        if (replaced?.before === after) replaced.before = before;
      }
    }
    const withdrawn: Entry[] = [];
    for (const entry of call.entries) {
      const claimed = entry.claims.includes(call);
      entry.unclaim(call);
      if (claimed && !entry.wanted) withdrawn.push(entry);
    }
    for (const entry of withdrawn) entry.sink = discard;
    this.#send(withdrawn, { call: null });
    call.reject(error);
  }

  // Commands.

  /** Reconciles entries over the links that are up; the others do so when they come up. */
  #send(entries: readonly Entry[], { call, reassert = false }: { call: Claim | null; reassert?: boolean }): void {
    for (const link of this.#placement.links) {
      const there = entries.filter((entry) => entry.link === link);
      if (link.ready) for (const step of reconcile(there, reassert)) this.#dispatch(step, link, call);
      for (const entry of there) if (!entry.wanted && !entry.leaving) this.#forget(entry);
    }
  }

  #dispatch(step: Step, link: Carrier, call: Claim | null): void {
    const command = new Command(step, { link, order: ++this.#order, call, owner: this });
    if (call !== null) call.commands++;
    for (const entry of step.entries) entry.last = command;
    link.send(command, command.subscribes && call === null);
  }

  #subscribed(command: Command, entry: Entry, count: number): void {
    const { call } = command;
    entry.confirmed = command.epoch;
    this.#denials.entries.delete(entry);
    if (call === null) {
      if (entry.sink !== discard) this.#owner.confirmed(command.verb, entry, count);
      for (const claim of entry.claims) if (claim.order < command.order) this.#confirm(claim, entry);
    } else {
      const held = this.#denials.hold(call, command, entry, count);
      if (!held && !call.settled) this.#owner.confirmed(command.verb, entry, count);
      this.#confirm(call, entry);
    }
  }

  /** A command has all its answers; the last one of a call decides whether the call stands. */
  #answered({ call }: Command): void {
    if (call !== null && --call.commands === 0) this.#denials.judge(call);
  }

  /** `count` is `null` where the server had nothing to unsubscribe. A withdrawal, which has no call, is not shown. */
  #unsubscribed(command: Command, entry: Entry, count: number | null): void {
    if (count !== null && command.call !== null) this.#owner.confirmed(command.verb, entry, count);
    if (entry.last === command) {
      entry.last = null;
      entry.confirmed = 0;
      if (!entry.wanted) this.#forget(entry);
    }
    if (command.call !== null) this.#confirm(command.call, entry);
  }

  // ---

  #entry({ kind, key, name, sink }: Wish): Entry {
    const known = this.registry[kind].get(key);
    if (known !== undefined) return known;
    const entry = new Entry(kind, key, name, sink, this.#placement.linkOf(key));
    this.registry.add(entry);
    return entry;
  }

  #forget(entry: Entry): void {
    this.registry.delete(entry);
    this.#denials.entries.delete(entry);
    if (this.registry.size === 0 && this.#state !== "closed") this.#owner.empty();
  }

  #enter(state: State): void {
    // Listeners may close the consumer in the middle of anything; closed is the end.
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#owner.state(state);
  }
}

function nameList(entries: readonly Entry[]): string {
  const shown = entries.slice(0, 3).map((entry) => JSON.stringify(entry.name.toString()));
  return entries.length > 3 ? `${shown.join(", ")} and ${entries.length - 3} more` : shown.join(", ");
}
