import { address, type Endpoint } from "../../connection/settings.ts";
import type { Moment } from "../../core/moment.ts";
import { ClosedError, type PubSubError, type ServerError } from "../../errors.ts";
import type { Payload } from "../../resp/reply.ts";
import type { GapCause } from "../model/gap.ts";
import type { State } from "../model/state.ts";
import { Answers, type AnswersOwner } from "./answers.ts";
import { Audit } from "./audit.ts";
import { byLink } from "./by-link.ts";
import { Call } from "./call.ts";
import { CallDeadlines, type Connectivity } from "./call-deadlines.ts";
import { type CallOptions, Calls, type CallsOwner } from "./calls.ts";
import type { Command } from "./command.ts";
import { Entry, type Kind, type PendingCall } from "./entry.ts";
import { FlowControl, type FlowControlled } from "./flow-control.ts";
import { type Dialer, Link, type LinkOptions, type LinkOwner, type Loss } from "./link.ts";
import { Losses, type Missed } from "./losses.ts";
import { Notices } from "./notices.ts";
import type { Placement, PlacementHost, Unserved } from "./placement.ts";
import { Probe, type Probed, type ProbeSettings } from "./probe.ts";
import { reconcile } from "./reconcile.ts";
import { Registry } from "./registry.ts";
import type { SubscriptionRequest } from "./request.ts";
import { fence, Sending } from "./sending.ts";
import type { Shareable, SubscriptionsOwner } from "./subscriptions.ts";

/** Times in milliseconds. */
export interface EngineOptions extends LinkOptions {
  readonly readyTimeout: number;
  readonly audit: { readonly interval: number } | null;
  readonly probe: ProbeSettings | null;
}

/**
 * Joins the registry (what is wanted), the links (what the servers have) and the placement (which name goes over which
 * link). Whatever happens, the way is the same: note what is wanted, `reconcile`, send, and let the answers settle it.
 */
export class Engine
  implements Shareable, LinkOwner, AnswersOwner, CallsOwner, Connectivity, FlowControlled, PlacementHost, Probed
{
  readonly registry: Registry = new Registry();
  readonly #owner: SubscriptionsOwner;
  readonly #options: EngineOptions;
  readonly #placement: Placement;
  readonly #losses: Losses = new Losses();
  readonly #notices: Notices;
  readonly #flow: FlowControl;
  readonly #answers: Answers;
  readonly #sending: Sending = new Sending(() => this.#answers);
  readonly #calls: Calls;
  readonly #deadlines: CallDeadlines;
  readonly #audit: Audit;
  readonly #probe: Probe | null;
  #epoch = 0;
  #started = false;
  /** Whether no entry is left while a call still enters names. */
  #emptyUntold = false;
  #state: State = "connecting";
  /** Why the last connection or attempt ended. */
  #failure: unknown = null;

  constructor(placement: (host: PlacementHost) => Placement, owner: SubscriptionsOwner, options: EngineOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#placement = placement(this);
    this.#notices = new Notices(owner);
    this.#flow = new FlowControl(this);
    this.#calls = new Calls(this);
    const parts = { calls: this.#calls, placement: this.#placement, notices: this.#notices, sending: this.#sending };
    this.#answers = new Answers(this, parts);
    this.#deadlines = new CallDeadlines(this, options.readyTimeout);
    this.#audit = new Audit(this, this.#sending, options.audit?.interval ?? null);
    this.#probe = options.probe === null ? null : new Probe(this, options.probe);
  }

  get state(): State {
    return this.#state;
  }

  get started(): boolean {
    return this.#started;
  }

  get denied(): ReadonlyMap<Entry, ServerError> {
    return this.#answers.denied;
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
    // A listener of the state may have closed the consumer.
    if (this.#state === "closed") return;
    this.#placement.start();
    this.#audit.start();
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
    fence(entries, passed, lost);
  }

  missedSoFar(entries: readonly Entry[]): Missed[] {
    return this.#losses.of(entries);
  }

  pause(hard: boolean): void {
    this.#flow.pause(hard);
  }

  resume(): void {
    this.#flow.resume();
  }

  async close(): Promise<void> {
    for (const link of this.#placement.links) this.release(link);
    this.#enter("closed");
    this.#calls.rejectAll(() => new ClosedError("The consumer was closed."));
    this.#audit.stop();
    this.#probe?.stop();
    this.registry.clear();
    this.#answers.denied.clear();
    this.#notices.clear();
    await this.#placement.stop();
  }

  // What calls ask for (CallsOwner, Connectivity).

  get links(): Iterable<Link> {
    return this.#placement.links;
  }

  changed(): void {
    this.#flow.changed();
  }

  nextOrder(): number {
    return this.#sending.next();
  }

  unserved(entries: readonly Entry[]): Unserved | null {
    return this.#placement.unserved(entries);
  }

  isUndecided(call: PendingCall): boolean {
    return this.#answers.isUndecided(call);
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
    this.#sending.reconcile(entries, call, reassert);
    this.#abandon(entries.filter((entry) => !entry.wanted && !entry.leaving && !isLost(entry)));
  }

  // What links tell (LinkOwner).

  up(link: Link): void {
    link.since = this.#sending.next();
    if (this.#flow.full) link.pause();
    this.#placement.up(link);
    this.#sending.restore(this.entriesOf(link), link);
    this.#runTimers();
  }

  demoted(link: Link, error: PubSubError): void {
    if (!this.#placement.demoted(link)) this.#owner.demoted(error);
  }

  restored(): void {
    if (this.#state === "closed") return;
    this.#answers.restored();
    for (const call of this.#calls) this.#answers.decide(call);
    this.settle();
  }

  down(link: Link, { epoch, cause, since, reason, retryIn }: Loss): void {
    this.#failure = reason;
    this.release(link);
    this.#losses.connection(epoch, { cause, since });
    this.#answers.reset(link);
    this.#unsettle(retryIn);
    for (const call of this.#calls) this.#answers.decide(call);
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
    if (command.verb === "SSUBSCRIBE") this.#notices.hold(command.link as Link, ended);
    else for (const missed of ended) this.#notices.missed(missed);
  }

  release(link: Link): void {
    this.#notices.release(link);
  }

  dismissed(link: Link, entry: Entry): void {
    this.interrupt(entry, "moved", entry.served);
    // What the node was asked since has an answer of its own.
    if (entry.wanted && !isAsked(entry)) this.#placement.dismissed(link, entry);
  }

  confirmed(command: Command, entry: Entry, count: number, added: boolean): void {
    this.#answers.confirmed(command, entry, count, added);
  }

  unmatched(payload: Payload): void {
    this.#probe?.heard(payload);
  }

  // What answers ask for (AnswersOwner).

  interrupt(entry: Entry, cause: GapCause, since: Moment): void {
    if (!entry.wanted || !this.#losses.entry(entry, { cause, since })) return;
    entry.confirmed = 0;
    this.#unsettle();
  }

  forget(entry: Entry): void {
    // A probe's is not the user's.
    if (this.registry[entry.kind].get(entry.key) !== entry) return;
    this.registry.delete(entry);
    this.#answers.denied.delete(entry);
    this.#losses.forget(entry);
    this.#placement.left(entry);
    this.#tellEmpty();
  }

  redirected(error: ServerError): void {
    this.#failure = error;
    // What waits for a node has the time that calls have without a connection.
    this.#runTimers();
  }

  tellDenied(error: ServerError): void {
    this.#owner.denied(error);
  }

  // What flow control asks for (FlowControlled).

  get closed(): boolean {
    return this.#state === "closed";
  }

  get awaitsAnswers(): boolean {
    return this.#calls.size > 0 || !this.#placement.settled;
  }

  paused(paused: boolean): void {
    this.#owner.paused(paused);
  }

  // What the probe asks for (Probed).

  *entriesOf(link: Link): Generator<Entry> {
    for (const entry of this.registry) if (entry.link === link) yield entry;
  }

  tellQuietly(entry: Entry, link: Link): void {
    entry.link = link;
    for (const step of reconcile([entry])) this.#sending.send(step, link, "audit");
  }

  // What the placement asks for (PlacementHost).

  link(dialer: Dialer): Link {
    return new Link(dialer, this, this.registry, this.#options, () => ++this.#epoch);
  }

  restore(entries: readonly Entry[]): void {
    for (const [link, there] of byLink(entries)) {
      if (link.ready) this.#sending.restore(there, link);
    }
    this.#runTimers();
  }

  audit(entries: readonly Entry[]): void {
    this.#audit.ask(entries);
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
    // A listener of the state may retry at once; that call is not one that failed.
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
    this.#answers.decide(call);
    this.#calls.release(call);
    if (this.#emptyUntold) this.#tellEmpty();
  }

  /** The time of calls runs on, with links that are ready or without. */
  #runTimers(): void {
    for (const call of this.#calls) if (!call.entering) this.#deadlines.run(call);
  }

  // ---

  /** Forgets entries; what was missed until then is told, for no restoration will tell it. */
  #abandon(entries: readonly Entry[]): void {
    for (const missed of this.#losses.end(entries)) this.#owner.missed(missed);
    for (const entry of entries) {
      // A listener may want it again: from now on, so that nothing more is missed.
      if (entry.wanted) entry.confirmed = 0;
      else this.forget(entry);
    }
  }

  #tellEmpty(): void {
    this.#emptyUntold = this.registry.size === 0 && this.#calls.entering;
    if (this.empty && this.#state !== "closed") this.#owner.empty();
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
