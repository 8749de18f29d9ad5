import { isLasting, isPassing, withClusterAdvice } from "../../connection/refusals.ts";
import type { Moment } from "../../core/moment.ts";
import type { ServerError } from "../../errors.ts";
import type { GapCause } from "../model/gap.ts";
import type { Calls } from "./calls.ts";
import { type Carrier, type Command, type CommandOwner, notRestored } from "./command.ts";
import { Denials } from "./denials.ts";
import { discard, type Entry, type PendingCall } from "./entry.ts";
import type { Link } from "./link.ts";
import type { Notices } from "./notices.ts";
import type { Placement } from "./placement.ts";
import { reconcile } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import type { Sending } from "./sending.ts";

/** What answers need of the engine. */
export interface AnswersOwner {
  readonly registry: Registry;
  /** A subscription has ended that is still wanted. */
  interrupt(entry: Entry, cause: GapCause, since: Moment): void;
  /** The entry is neither wanted nor subscribed. */
  forget(entry: Entry): void;
  /** A node does not serve names; they wait for another one. */
  redirected(error: ServerError): void;
  /** The server denied names that stay wanted. */
  tellDenied(error: ServerError): void;
}

/** What answers are about. */
export interface AnswersParts {
  readonly sending: Sending;
  readonly calls: Calls;
  readonly placement: Placement;
  readonly notices: Notices;
}

/** What becomes of entries and calls when their commands are answered: by confirmations, by an error, by a fence. */
export class Answers implements CommandOwner {
  readonly #owner: AnswersOwner;
  readonly #sending: Sending;
  readonly #calls: Calls;
  readonly #placement: Placement;
  readonly #notices: Notices;
  readonly #denials: Denials = new Denials({
    ask: (entry, { verb, link, purpose }) => this.#sending.send({ verb, entries: [entry] }, link, purpose),
    skipped: (call, entry) => this.#calls.confirm(call, entry),
    granted: (call) => this.#calls.finishIfDone(call),
    rejected: (call, error) => this.#calls.fail(call, error),
    confirmed: (command, entry, count) => this.#tell(command, entry, count),
    denied: (error) => this.#owner.tellDenied(error),
  });
  /** The order of the last command before a bare SUNSUBSCRIBE, by link. */
  readonly #clearedAt: WeakMap<Carrier, number> = new WeakMap();

  constructor(owner: AnswersOwner, { calls, placement, notices, sending }: AnswersParts) {
    this.#owner = owner;
    this.#sending = sending;
    this.#calls = calls;
    this.#placement = placement;
    this.#notices = notices;
  }

  /** Entries that the server denied and that are still wanted. */
  get denied(): Map<Entry, ServerError> {
    return this.#denials.entries;
  }

  isUndecided(call: PendingCall): boolean {
    return this.#denials.isUndecided(call);
  }

  /** A link has restored its subscriptions. */
  restored(): void {
    this.#denials.restored();
  }

  /** The link's connection is lost, and what was asked on it with it. */
  reset(link: Link): void {
    this.#denials.reset(link);
  }

  /** Whether a call stands is known when all its names are answered; some may wait for a link. */
  decide(call: PendingCall): void {
    if (call.commands > 0 || call.entering || !this.#denials.isUndecided(call)) return;
    for (const entry of call.left) if (!entry.link.ready && entry.calls.includes(call)) return;
    this.#denials.decide(call);
  }

  /** `added`: the server did not have the subscription a moment before, by its own count. */
  confirmed(command: Command, entry: Entry, count: number, added: boolean): void {
    if (command.subscribes) this.#subscribed(command, entry, count, added);
    else this.#unsubscribed(command, entry, count);
    if (command.done && command.nonce === null) this.#answered(command);
  }

  refused(command: Command, error: ServerError): void {
    const { link, left } = command;
    const live = left.filter((entry) => entry.confirmed === command.epoch);
    if (!command.subscribes) {
      // NOSUB: there was nothing to unsubscribe. After another refusal the server may still have it.
      if (live.length > 0 && error.code !== "NOSUB") link.markUnclean();
      for (const entry of left) this.#unsubscribed(command, entry, null);
    } else if (this.#placement.redirected(command, error)) {
      this.#owner.redirected(error);
      for (const entry of live) this.#owner.interrupt(entry, "stale", (link as Link).staleSince(entry));
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
      const names = Array.from(left, ({ name }) => name);
      this.#owner.tellDenied(error.about(command.verb, names));
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

  // ---

  #subscribed(command: Command, entry: Entry, count: number, added: boolean): void {
    const { call } = command;
    // A node that the entry has left since.
    if (entry.link !== command.link) return;
    const lapsed = command.audits && added && entry.confirmed === command.epoch && entry.sink !== discard;
    if (lapsed) {
      const link = command.link as Link;
      this.#notices.hold(link, [{ cause: "stale", since: link.staleSince(entry), entries: [entry] }]);
    }
    if (entry.confirmed !== command.epoch || lapsed) entry.served = command.sentAt;
    entry.confirmed = command.epoch;
    this.denied.delete(entry);
    this.#placement.confirmed(entry);
    if (call === null) {
      if (entry.sink !== discard && (lapsed || !command.audits)) this.#tell(command, entry, count);
    } else {
      const held = this.#denials.hold(call, command, entry, count);
      if (!held && !call.settled) this.#tell(command, entry, count);
      this.#calls.confirm(call, entry);
    }
    // A call that asked before is served as well, though the command that was to do it may have been sent elsewhere.
    for (const earlier of entry.calls) {
      if (earlier !== call && earlier.order < command.order) this.#calls.confirm(earlier, entry);
    }
  }

  /** `count` is `null` where the server had nothing to unsubscribe. A withdrawal, which has no call, is not shown. */
  #unsubscribed(command: Command, entry: Entry, count: number | null): void {
    if (count !== null && command.call !== null) this.#tell(command, entry, count);
    if (entry.last === command.told) {
      entry.last = null;
      entry.confirmed = 0;
      if (!entry.wanted) this.#owner.forget(entry);
    }
    if (command.call !== null) this.#calls.confirm(command.call, entry);
  }

  /** A command has all its answers; the last one of a call decides whether the call stands. */
  #answered(command: Command): void {
    const { call } = command;
    command.told.unanswered = null;
    if (call === null) return;
    call.commands--;
    this.decide(call);
    this.#calls.release(call);
  }

  #tell({ verb, link }: Command, entry: Entry, count: number): void {
    this.#notices.confirmed(link, verb, entry, count);
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
    const { registry } = this.#owner;
    this.#clearedAt.set(link, this.#sending.order);
    this.#sending.send({ verb: "SUNSUBSCRIBE", entries: [...kept], bare: true }, link, call);
    const others = [...registry].filter(
      (entry) => entry.kind === "shard" && entry.link === link && entry.wanted && entry.asked,
    );
    for (const step of reconcile(others, true)) this.#sending.send(step, link, "restoration");
  }
}
