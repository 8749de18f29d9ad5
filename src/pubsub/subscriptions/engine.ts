import { isLasting, isPassing, withClusterAdvice } from "../../connection/refusals.ts";
import { address, type Endpoint } from "../../connection/settings.ts";
import type { Moment } from "../../core/moment.ts";
import { ClosedError, type PubSubError, type ServerError } from "../../errors.ts";
import type { Payload } from "../../resp/reply.ts";
import type { GapCause } from "../model/gap.ts";
import type { State } from "../model/state.ts";
import { Audit } from "./audit.ts";
import { Call } from "./call.ts";
import { CallDeadlines, type Connectivity } from "./call-deadlines.ts";
import { type CallOptions, Calls, type CallsOwner } from "./calls.ts";
import { type Carrier, Command, type CommandOwner, notRestored } from "./command.ts";
import { Denials } from "./denials.ts";
import { discard, Entry, type Kind, type PendingCall } from "./entry.ts";
import { HeldGaps } from "./held-gaps.ts";
import { type Dialer, Link, type LinkOptions, type LinkOwner, type Loss } from "./link.ts";
import { Losses, type Missed } from "./losses.ts";
import type { Placement, PlacementHost, Unserved } from "./placement.ts";
import { inSlotOf, Probe, type Probed, type ProbeSettings } from "./probe.ts";
import { reconcile, type Step } from "./reconcile.ts";
import { Registry } from "./registry.ts";
import type { SubscriptionRequest } from "./request.ts";
import type { Shareable, SubscriptionsOwner } from "./subscriptions.ts";

/** A channel that is never subscribed. */
const COUNTED = "tidings-audit";

/** What a command is sent for. */
interface Purpose {
  readonly call?: PendingCall | null;
  readonly restores?: boolean;
  readonly audits?: boolean;
}

/** Times in milliseconds. */
export interface EngineOptions extends LinkOptions {
  readonly readyTimeout: number;
  readonly audit: { readonly interval: number } | null;
  readonly probe: ProbeSettings | null;
}

/**
 * Joins the registry (what is wanted), the links (what the servers have) and the placement (which name goes over which
 * link). Whatever happens, the way is the same: note the wish, `reconcile`, send, and let the answers settle it.
 */
export class Engine implements Shareable, LinkOwner, CommandOwner, CallsOwner, Connectivity, PlacementHost, Probed {
  readonly registry: Registry = new Registry();
  readonly #denials: Denials = new Denials({
    ask: (entry, { verb, link, call, restores }) =>
      this.#dispatch({ verb, entries: [entry] }, link, { call, restores }),
    skipped: (call, entry) => this.#calls.confirm(call, entry),
    granted: (call) => this.#calls.finishIfDone(call),
    rejected: (call, error) => this.#calls.fail(call, error),
    confirmed: (command, entry, count) => this.#tell(command, entry, count),
    denied: (error) => this.#owner.denied(error),
  });
  readonly #owner: SubscriptionsOwner;
  readonly #options: EngineOptions;
  readonly #placement: Placement;
  readonly #losses: Losses = new Losses();
  /** Gaps that are not told yet, by the link whose messages they must precede. */
  readonly #held: Map<Carrier, HeldGaps> = new Map();
  readonly #calls: Calls;
  readonly #deadlines: CallDeadlines;
  readonly #audit: Audit | null;
  readonly #probe: Probe | null;
  /** The order of the last command before a bare SUNSUBSCRIBE, by link. */
  readonly #clearedAt: WeakMap<Carrier, number> = new WeakMap();
  #order = 0;
  #epoch = 0;
  #started = false;
  /** Whether no entry is left while a call still enters names. */
  #emptyUntold = false;
  #throttle: "soft" | "hard" | null = null;
  #paused = false;
  #resuming = false;
  #state: State = "connecting";
  /** Why the last connection or attempt ended. */
  #failure: unknown = null;

  constructor(placement: (host: PlacementHost) => Placement, owner: SubscriptionsOwner, options: EngineOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#placement = placement(this);
    this.#calls = new Calls(this);
    this.#deadlines = new CallDeadlines(this, options.readyTimeout);
    this.#audit = options.audit === null ? null : new Audit(this, options.audit.interval);
    this.#probe = options.probe === null ? null : new Probe(this, options.probe);
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#started;
  }

  get denied(): ReadonlyMap<Entry, ServerError> {
    return this.#denials.entries;
  }

  get nodes(): Endpoint[] {
    const nodes = new Map<string, Endpoint>();
    for (const { ready, endpoint } of this.links)
      if (ready && endpoint !== null) nodes.set(address(endpoint), endpoint);
    return [...nodes.values()];
  }

  get empty(): boolean {
    return this.registry.size === 0 && !this.#calls.entering;
  }

  get awaited(): boolean {
    return this.#calls.size > 0;
  }

  get failure(): unknown {
    return this.#failure ?? this.#placement.failure;
  }

  start(): void {
    this.#started = true;
    if (this.#state === "failed") this.#enter("reconnecting");
    // Who listens to the state may have closed the consumer.
    if (this.#state === "closed") return;
    this.#placement.start();
    this.#audit?.start();
    this.#probe?.start();
    this.#runTimers();
  }

  live(options: CallOptions): Promise<void> {
    return this.#want([], options);
  }

  subscribe(requests: Iterable<SubscriptionRequest>, options: CallOptions): Promise<void> {
    return this.#want(requests, options);
  }

  reassert(entries: readonly Entry[], options: CallOptions): Promise<void> {
    return this.#want(entries, options);
  }

  withdraw(kind: Kind, keys: ReadonlySet<string> | null): void {
    this.#calls.withdraw(kind, keys);
  }

  unsubscribe(entries: readonly Entry[], timeout: number): Promise<void> {
    const call: PendingCall = new Call(this.nextOrder(), [...entries]);
    this.#deadlines.bound(call, timeout, () => {
      for (const entry of call.left) entry.link.markUnclean();
      this.#calls.finish(call);
    });
    this.#calls.unwant(call);
    if (!call.settled) this.#deadlines.run(call);
    return call.promise;
  }

  fence(entries: readonly Entry[], passed: (entries: Entry[]) => void, lost: (entries: Entry[]) => void): void {
    const nowhere = entries.filter(({ link }) => !(link instanceof Link));
    for (const [link, there] of byLink(entries)) link.fence({ passed: () => passed(there), lost: () => lost(there) });
    if (nowhere.length > 0) lost(nowhere);
  }

  missedSoFar(entries: readonly Entry[]): Missed[] {
    return this.#losses.of(entries);
  }

  pause(hard: boolean): void {
    this.#throttle = hard ? "hard" : "soft";
    this.#applyBackPressure();
  }

  resume(): void {
    this.#throttle = null;
    this.#applyBackPressure();
  }

  async close(): Promise<void> {
    for (const link of this.#placement.links) this.release(link);
    this.#enter("closed");
    this.#calls.rejectAll(() => new ClosedError("The consumer was closed."));
    this.#audit?.stop();
    this.#probe?.stop();
    this.registry.clear();
    this.#denials.entries.clear();
    this.#held.clear();
    await this.#placement.stop();
  }

  // What calls ask for (CallsOwner, Connectivity).

  get links(): Iterable<Link> {
    return this.#placement.links;
  }

  changed(): void {
    if (this.#throttle !== null) this.#applyBackPressure();
  }

  nextOrder(): number {
    return ++this.#order;
  }

  unserved(entries: readonly Entry[]): Unserved | null {
    return this.#placement.unserved(entries);
  }

  isUndecided(call: PendingCall): boolean {
    return this.#denials.isUndecided(call);
  }

  enter({ kind, key, name, sink, missed }: SubscriptionRequest): Entry {
    const known = this.registry[kind].get(key);
    if (known !== undefined) return known;
    const entry = new Entry(kind, key, name, sink);
    if (missed !== undefined) this.#losses.expect(entry, missed);
    this.registry.add(entry);
    this.#placement.place(entry);
    return entry;
  }

  /** Reconciles entries over the links that are up; the others do so when they come up. */
  send(
    entries: readonly Entry[],
    { call, reassert = false }: { readonly call: PendingCall | null; readonly reassert?: boolean },
  ): void {
    for (const [link, there] of byLink(entries)) {
      if (link.ready) for (const step of reconcile(there, reassert)) this.#dispatch(step, link, { call });
    }
    this.#abandon(entries.filter((entry) => !entry.wanted && !entry.leaving && !isLost(entry)));
  }

  // What links tell (LinkOwner).

  up(link: Link): void {
    link.since = ++this.#order;
    if (this.#full) link.pause();
    this.#placement.up(link);
    this.#restore(this.entriesOf(link), link);
    this.#runTimers();
  }

  demoted(link: Link, error: PubSubError): void {
    if (!this.#placement.demoted(link)) this.#owner.demoted(error);
  }

  restored(): void {
    if (this.#state === "closed") return;
    this.#denials.restored();
    for (const call of this.#calls) this.#judge(call);
    this.settle();
  }

  down(link: Link, { epoch, cause, since, reason, retryIn }: Loss): void {
    this.#failure = reason;
    this.release(link);
    this.#losses.connection(epoch, { cause, since });
    this.#denials.reset(link);
    this.#unsettle(retryIn);
    for (const call of this.#calls) this.#judge(call);
    this.#abandon([...this.entriesOf(link)].filter((entry) => !entry.wanted));
    this.#placement.down(link);
    this.#runTimers();
  }

  dialFailed(link: Link, reason: unknown, retryIn: number | null): void {
    this.#failure = reason;
    if (retryIn !== null) this.#owner.retrying(reason, retryIn);
    this.#placement.dialFailed(link);
  }

  failed(_link: Link, reason: unknown): void {
    this.giveUp(reason);
  }

  granted(command: Command): void {
    const ended = this.#losses.end(command.left);
    if (command.verb === "SSUBSCRIBE") this.#hold(command.link as Link, ended);
    else for (const missed of ended) this.#owner.missed(missed);
  }

  release(link: Link): void {
    const held = this.#held.get(link);
    this.#held.delete(link);
    link.holding = false;
    held?.release(this.#owner);
  }

  dismissed(link: Link, entry: Entry): void {
    this.#interrupt(entry, "moved", entry.served);
    // What the node was asked since has an answer of its own.
    if (entry.wanted && !isAsked(entry)) this.#placement.dismissed(link, entry);
  }

  confirmed(command: Command, entry: Entry, count: number, added: boolean): void {
    if (command.subscribes) this.#subscribed(command, entry, count, added);
    else this.#unsubscribed(command, entry, count);
    if (command.done && command.nonce === null) this.#answered(command);
  }

  // What commands tell (CommandOwner).

  refused(command: Command, error: ServerError): void {
    const { link, left } = command;
    const live = left.filter((entry) => entry.confirmed === command.epoch);
    if (!command.subscribes) {
      // NOSUB: there was nothing to unsubscribe. After another refusal the server may still have it.
      if (live.length > 0 && error.code !== "NOSUB") link.markUnclean();
      for (const entry of left) this.#unsubscribed(command, entry, null);
    } else if (this.#placement.redirected(command, error)) {
      this.#failure = error;
      // What waits for a node has the time that calls have without a connection.
      this.#runTimers();
      for (const entry of live) this.#interrupt(entry, "stale", (link as Link).staleSince(entry));
    } else if (
      command.restores &&
      (isPassing(error) || (!isLasting(error) && left.some((entry) => entry.established)))
    ) {
      // The next connection restores; nothing of this one counts as answered.
      link.reset(notRestored(command, error));
      return;
    } else if (!command.audits) {
      this.#denials.take(command, withClusterAdvice(error) as ServerError);
    } else if (live.length === 0) {
      this.#owner.denied(
        error.about(
          command.verb,
          Array.from(left, ({ name }) => name),
        ),
      );
    }
    this.#answered(command);
    link.finish(command);
  }

  fenced(command: Command): void {
    const kept = new Set(command.left.filter((entry) => this.#isKept(command, entry)));
    if (kept.size > 0 && command.bare) command.link.markUnclean();
    else if (kept.size > 0) this.#unsubscribeBare(command, kept);
    for (const entry of command.left) {
      if (command.bare || !kept.has(entry)) this.#unsubscribed(command, entry, null);
    }
    this.#answered(command);
    this.#placement.tidy();
  }

  lost(command: Command): void {
    const { call } = command;
    command.told.unanswered = null;
    if (call === null) return;
    call.commands--;
    this.#calls.release(call);
  }

  unmatched(payload: Payload): void {
    this.#probe?.heard(payload);
  }

  // What the probe asks for (Probed).

  *entriesOf(link: Link): Generator<Entry> {
    for (const entry of this.registry) if (entry.link === link) yield entry;
  }

  tellQuietly(entry: Entry, link: Link): void {
    entry.link = link;
    for (const step of reconcile([entry])) this.#dispatch(step, link, { audits: true });
  }

  // What the placement asks for (PlacementHost).

  link(dialer: Dialer): Link {
    return new Link(dialer, this, this.registry, this.#options, () => ++this.#epoch);
  }

  restore(entries: readonly Entry[]): void {
    for (const [link, there] of byLink(entries)) {
      if (link.ready) this.#restore(there, link);
    }
    this.#runTimers();
  }

  audit(entries: readonly Entry[]): void {
    for (const [link, there] of byLink(entries)) {
      const live = there.filter((entry) => link.ready && entry.confirmed === link.epoch);
      this.#askCounts(live, link);
      for (const step of reconcile(live, true)) this.#dispatch(step, link, { audits: true });
    }
  }

  settle(): void {
    if (this.#state === "closed" || this.#state === "failed" || !this.#placement.settled) return;
    this.#losses.settled(this.denied.keys());
    this.#enter("live");
    for (const call of this.#calls) if (call.entries.length === 0 && !call.entering) this.#calls.finish(call);
    this.changed();
  }

  giveUp(reason: unknown): void {
    this.#failure = reason;
    // Who listens to the state may retry at once; that call is not one that failed.
    const calls = [...this.#calls];
    this.#placement.halt(reason);
    this.#failure = reason;
    this.#enter("failed");
    for (const call of calls) this.#calls.fail(call, reason);
  }

  // Calls and commands.

  #want(requests: Iterable<SubscriptionRequest>, { timeout, signal, initial = false }: CallOptions): Promise<void> {
    const call: PendingCall = new Call(this.nextOrder());
    this.#deadlines.bound(call, timeout, (bound) => this.#calls.fail(call, this.#deadlines.error(call, bound)));
    this.#calls.want(call, requests, { signal, entered: () => this.#entered(call, initial) });
    return call.promise;
  }

  #entered(call: PendingCall, initial: boolean): void {
    if (!initial || this.#started) this.#deadlines.run(call);
    if (call.entries.length === 0 && this.#state === "live") this.#calls.finish(call);
    this.#judge(call);
    this.#calls.release(call);
    if (this.#emptyUntold) this.#tellEmpty();
  }

  /** The time of calls runs on, with links that are ready or without. */
  #runTimers(): void {
    for (const call of this.#calls) if (!call.entering) this.#deadlines.run(call);
  }

  #dispatch(step: Step, link: Carrier, { call = null, restores = false, audits = false }: Purpose): void {
    const command = new Command(step, { link, order: ++this.#order, call, restores, audits, owner: this });
    if (call !== null) call.commands++;
    for (const entry of step.entries) entry.last = command.told;
    link.send(command, command.restores);
  }

  /** Subscribes what is wanted and what the link's connection was not asked for; many names in several turns. */
  #restore(entries: Iterable<Entry>, link: Link): void {
    link.restoring(this.#sendRestore(entries, link));
  }

  *#sendRestore(entries: Iterable<Entry>, link: Link): Generator<number, void> {
    for (const step of reconcile(entries)) {
      this.#dispatch(step, link, { restores: true });
      yield step.entries.length;
    }
  }

  #subscribed(command: Command, entry: Entry, count: number, added: boolean): void {
    const { call } = command;
    // A node that the entry has left since.
    if (entry.link !== command.link) return;
    const lapsed = command.audits && added && entry.confirmed === command.epoch && entry.sink !== discard;
    if (lapsed) {
      const link = command.link as Link;
      this.#hold(link, [{ cause: "stale", since: link.staleSince(entry), entries: [entry] }]);
    }
    if (entry.confirmed !== command.epoch || lapsed) entry.served = command.sentAt;
    entry.confirmed = command.epoch;
    this.#denials.entries.delete(entry);
    this.#placement.confirmed(entry);
    if (call === null) {
      if (entry.sink !== discard && (lapsed || !command.audits)) this.#tell(command, entry, count);
    } else {
      const held = this.#denials.hold(call, command, entry, count);
      if (!held && !call.settled) this.#tell(command, entry, count);
      this.#calls.confirm(call, entry);
    }
    // Whoever asked before is served as well, though the command that was to do it may have been sent elsewhere.
    for (const claim of entry.calls) {
      if (claim !== call && claim.order < command.order) this.#calls.confirm(claim, entry);
    }
  }

  /** A command has all its answers; the last one of a call decides whether the call stands. */
  #answered(command: Command): void {
    const { call } = command;
    command.told.unanswered = null;
    if (call === null) return;
    call.commands--;
    this.#judge(call);
    this.#calls.release(call);
  }

  /** Whether a call stands is known when all its names are answered; some may wait for a link. */
  #judge(call: PendingCall): void {
    if (call.commands > 0 || call.entering || !this.#denials.isUndecided(call)) return;
    for (const entry of call.left) if (!entry.link.ready && entry.calls.includes(call)) return;
    this.#denials.decide(call);
  }

  /** `count` is `null` where the server had nothing to unsubscribe. A withdrawal, which has no call, is not shown. */
  #unsubscribed(command: Command, entry: Entry, count: number | null): void {
    if (count !== null && command.call !== null) this.#tell(command, entry, count);
    if (entry.last === command.told) {
      entry.last = null;
      entry.confirmed = 0;
      if (!entry.wanted) this.#forget(entry);
    }
    if (command.call !== null) this.#calls.confirm(command.call, entry);
  }

  /** Asks how many subscriptions the server counts: by naming, in an unsubscribe, what was never subscribed. */
  #askCounts(entries: readonly Entry[], link: Link): void {
    const classic = entries.some(({ kind }) => kind !== "shard");
    const shard = entries.find(({ kind }) => kind === "shard");
    const key = shard === undefined ? null : inSlotOf(shard.key, COUNTED);
    if (classic) {
      const entry = new Entry("channel", COUNTED, COUNTED, discard);
      this.#dispatch({ verb: "UNSUBSCRIBE", entries: [entry] }, link, { audits: true });
    }
    if (key !== null) {
      const entry = new Entry("shard", key, key, discard);
      entry.link = link;
      this.#dispatch({ verb: "SUNSUBSCRIBE", entries: [entry] }, link, { audits: true });
    }
  }

  /** Whether a SUNSUBSCRIBE was refused, and the server has the subscription still (Redis 8.0: a replica's MOVED). */
  #isKept({ refusal, epoch, told, link, order, audits }: Command, entry: Entry): boolean {
    if (audits || refusal === null || refusal.code === "NOSUB" || !link.ready || link.epoch !== epoch) return false;
    // What was sent before a bare one goes with it.
    return entry.last === told && entry.confirmed === epoch && order > (this.#clearedAt.get(link) ?? 0);
  }

  /**
   * A SUNSUBSCRIBE without names, which no server refuses, for names that one with names did not end. The others of the
   * connection are subscribed again behind it, in the same piece; what they miss between is a gap like another.
   */
  #unsubscribeBare({ link, call }: Command, kept: Iterable<Entry>): void {
    this.#clearedAt.set(link, this.#order);
    this.#dispatch({ verb: "SUNSUBSCRIBE", entries: [...kept], bare: true }, link, { call });
    const others = [...this.registry.shard.values()].filter(
      (entry) => entry.link === link && entry.wanted && entry.asked,
    );
    for (const step of reconcile(others, true)) this.#dispatch(step, link, { restores: true });
  }

  // ---

  #tell({ verb, link }: Command, entry: Entry, count: number): void {
    const held = this.#held.get(link);
    if (held === undefined) this.#owner.confirmed(verb, entry, count);
    else held.hold({ verb, entry, count });
  }

  /** Tells gaps a little later, together with others of the same loss. */
  #hold(link: Link, all: readonly Missed[]): void {
    for (const missed of all) {
      if (this.#held.get(link)?.fits(missed.entries.length) === false) this.release(link);
      const held = this.#held.get(link) ?? this.#startHolding(link);
      held.add(missed);
    }
  }

  #startHolding(link: Link): HeldGaps {
    const held = new HeldGaps();
    this.#held.set(link, held);
    link.holding = true;
    process.nextTick(() => {
      if (this.#held.get(link) === held) this.release(link);
    });
    return held;
  }

  /** Pauses the links or resumes them, as things stand. */
  #applyBackPressure(): void {
    if (this.#state === "closed") return;
    if (this.#full) for (const link of this.#placement.links) link.pause();
    if (this.#resuming) return;
    this.#resuming = true;
    for (const link of this.#placement.links) {
      // What one had kept may fill the consumer again.
      if (this.#full) break;
      link.resume();
    }
    this.#resuming = false;
    if (this.#full === this.#paused) return;
    this.#paused = this.#full;
    this.#owner.paused(this.#paused);
  }

  /** Whether nothing is to be read, as things stand. */
  get #full(): boolean {
    const awaited = this.#calls.size > 0 || !this.#placement.settled;
    return this.#throttle === "hard" || (this.#throttle === "soft" && !awaited);
  }

  /** Forgets entries; what was missed until then is told, for no restoration will tell it. */
  #abandon(entries: readonly Entry[]): void {
    for (const missed of this.#losses.end(entries)) this.#owner.missed(missed);
    for (const entry of entries) {
      // Who was told may want it again: from now on, so that nothing more is missed.
      if (entry.wanted) entry.confirmed = 0;
      else this.#forget(entry);
    }
  }

  #forget(entry: Entry): void {
    // A probe's is not the user's.
    if (this.registry[entry.kind].get(entry.key) !== entry) return;
    this.registry.delete(entry);
    this.#denials.entries.delete(entry);
    this.#losses.forget(entry);
    this.#placement.left(entry);
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    this.#emptyUntold = this.registry.size === 0 && this.#calls.entering;
    if (this.empty && this.#state !== "closed") this.#owner.empty();
  }

  /** A subscription has ended that is still wanted. */
  #interrupt(entry: Entry, cause: GapCause, since: Moment): void {
    if (!entry.wanted || !this.#losses.entry(entry, { cause, since })) return;
    entry.confirmed = 0;
    this.#unsettle();
  }

  #unsettle(retryIn: number | null = null): void {
    if (this.#state === "live") this.#enter("reconnecting", retryIn);
  }

  #enter(state: State, retryIn: number | null = null): void {
    // Listeners may close the consumer in the middle of anything; closed is the end.
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#owner.state(state, retryIn);
  }
}

/** Whether its connection is lost, and that is not told yet: it will be, with what was missed. */
function isLost({ confirmed, link }: Entry): boolean {
  return confirmed > 0 && confirmed === link.epoch && !link.ready;
}

/** Whether its link was asked for it, and has not answered yet. */
function isAsked(entry: Entry): boolean {
  return entry.asked && (entry.last?.unanswered?.left.includes(entry) ?? false);
}

/** The entries that have a link, by it. */
function byLink(entries: readonly Entry[]): Map<Link, Entry[]> {
  const groups = new Map<Link, Entry[]>();
  for (const entry of entries) {
    if (!(entry.link instanceof Link)) continue;
    const group = groups.get(entry.link);
    if (group === undefined) groups.set(entry.link, [entry]);
    else group.push(entry);
  }
  return groups;
}
