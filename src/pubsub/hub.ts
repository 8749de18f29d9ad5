import { earlier, type Moment, takeMoment } from "../core/moment.ts";
import { type PubSubError, ServerError } from "../errors.ts";
import { latin1, nameOf } from "../names.ts";
import type { CallOptions } from "./calls.ts";
import type { Entry, Kind } from "./entry.ts";
import type { Interruption, Missed } from "./losses.ts";
import type { Member, MemberHub, OwnEntry } from "./member.ts";
import type { Verb } from "./reconcile.ts";
import type { Shareable, State, SubscriptionsOwner } from "./subscriptions.ts";
import { Topic } from "./topic.ts";
import type { Wish } from "./wish.ts";

/** A topic of this hub. */
export type HubTopic = Topic<OwnEntry>;

const kinds: Readonly<Record<string, Kind>> = { SUBSCRIBE: "channel", PSUBSCRIBE: "pattern", SSUBSCRIBE: "shard" };

/**
 * Many consumers over the links of one engine. Each name is subscribed once, for as long as any member wants it; what
 * arrives, and what is told of the links, goes to the members that it is about.
 */
export class Hub implements SubscriptionsOwner, MemberHub {
  readonly engine: Shareable;
  readonly #topics: Readonly<Record<Kind, Map<string, HubTopic>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  readonly #members: Set<Member> = new Set();
  readonly #deserted: () => void;

  /** `deserted` is called when the last member leaves; the hub is of no use any more. */
  constructor(engine: (owner: SubscriptionsOwner) => Shareable, deserted: () => void) {
    this.engine = engine(this);
    this.#deserted = deserted;
  }

  join(member: Member): void {
    this.#members.add(member);
  }

  /** A member is closed; with the last one the connections are given back. */
  async leave(member: Member): Promise<void> {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#deserted();
    await this.engine.close();
  }

  /** Whether the name is subscribed, and not just for a call that may fail yet. */
  isLive({ kind, key }: HubTopic): boolean {
    const entry = this.engine.registry[kind].get(key);
    return entry?.established === true && entry.link.ready && entry.confirmed === entry.link.epoch;
  }

  /** Whether another member wants the name of the entry. */
  isShared(own: OwnEntry): boolean {
    for (const entry of this.#entriesOf(own)) if (entry !== own && entry.wanted) return true;
    return false;
  }

  /** The topic of a member's entry, which receives once it is confirmed. */
  add(entry: OwnEntry): HubTopic {
    const { kind, key } = entry;
    let topic = this.#topics[kind].get(key);
    if (topic === undefined) {
      topic = new Topic(kind, key);
      this.#topics[kind].set(key, topic);
    }
    if (!topic.entries.has(entry)) topic.waiting.add(entry);
    return topic;
  }

  /** The entry receives nothing more. */
  remove(entry: OwnEntry): void {
    const topic = this.#topics[entry.kind].get(entry.key);
    topic?.remove(entry);
    if (topic?.empty) this.#topics[entry.kind].delete(entry.key);
  }

  subscribe(
    topics: readonly HubTopic[],
    options: CallOptions,
    missed: (topic: HubTopic) => Interruption | undefined,
  ): Promise<void> {
    const [only] = topics;
    // Unless it was unsubscribed again since: then that subscribe serves nobody any more.
    if (only?.pending?.timeout === options.timeout && topics.length === 1) {
      if (this.engine.registry[only.kind].get(only.key)?.wanted) return only.pending.subscribed;
    }
    const wishes = topics.map((topic): Wish => {
      const { kind, key } = topic;
      return { kind, key, name: nameOf(key, "bytes"), sink: topic, missed: missed(topic) };
    });
    const subscribed = this.engine.subscribe(wishes, options);
    if (only === undefined || topics.length > 1) return subscribed;
    const pending = {
      timeout: options.timeout,
      subscribed: subscribed.finally(() => {
        if (only.pending === pending) only.pending = null;
      }),
    };
    only.pending = pending;
    return pending.subscribed;
  }

  /** Nobody wants the names of these any more. */
  async unsubscribe(entries: readonly Entry[], timeout: number): Promise<void> {
    const { registry } = this.engine;
    const known = entries.flatMap(({ kind, key }) => registry[kind].get(key) ?? []);
    await this.engine.unsubscribe(
      known.filter((entry) => entry.wanted),
      timeout,
    );
  }

  fence(own: readonly OwnEntry[], passed: (own: OwnEntry[]) => void, lost: (own: OwnEntry[]) => void): void {
    const byEntry = new Map<Entry, OwnEntry>();
    const unknown: OwnEntry[] = [];
    for (const one of own) {
      const entry = this.engine.registry[one.kind].get(one.key);
      if (entry === undefined) unknown.push(one);
      else byEntry.set(entry, one);
    }
    const theirs = (entries: readonly Entry[]): OwnEntry[] => entries.flatMap((entry) => byEntry.get(entry) ?? []);
    this.engine.fence(
      [...byEntry.keys()],
      (entries) => passed(theirs(entries)),
      (entries) => lost(theirs(entries)),
    );
    if (unknown.length > 0) lost(unknown);
  }

  provenBy(own: readonly OwnEntry[]): Moment {
    const links = own.flatMap(({ kind, key }) => this.engine.registry[kind].get(key)?.link ?? []);
    return links.filter(({ epoch }) => epoch > 0).reduce((since, { proof }) => earlier(since, proof), takeMoment());
  }

  missedSoFar(own: readonly OwnEntry[]): Missed[] {
    const ofTopic = new Map<Entry | undefined, OwnEntry>();
    for (const entry of own) ofTopic.set(this.engine.registry[entry.kind].get(entry.key), entry);
    const topics = [...ofTopic.keys()].filter((entry) => entry !== undefined);
    return this.engine.missedSoFar(topics).map(({ cause, since, entries }) => ({
      cause,
      since,
      entries: entries.flatMap((entry) => ofTopic.get(entry) ?? []),
    }));
  }

  about(error: unknown, entries: Iterable<Entry>): unknown {
    if (!(error instanceof ServerError) || error.names.length === 0) return error;
    const keys = new Set(error.names.map(latin1));
    const names = [...entries].filter(({ key }) => keys.has(key)).map(({ name }) => name);
    return new ServerError(error.message, error.command, names);
  }

  // What the engine tells (SubscriptionsOwner).

  confirmed(verb: Verb, entry: Entry): void {
    for (const own of this.#entriesOf(entry)) own.member.confirmed(verb, own);
  }

  /** The entry is confirmed: it receives from now on. */
  admit(entry: OwnEntry): void {
    const shared = this.engine.registry[entry.kind].get(entry.key);
    if (shared !== undefined) entry.link = shared.link;
    this.#topics[entry.kind].get(entry.key)?.admit(entry);
  }

  missed({ cause, since, entries }: Missed): void {
    const byMember = new Map<Member, OwnEntry[]>();
    for (const entry of entries) {
      for (const own of this.#entriesOf(entry)) {
        const theirs = byMember.get(own.member);
        if (theirs === undefined) byMember.set(own.member, [own]);
        else theirs.push(own);
      }
    }
    for (const [member, theirs] of byMember) member.missed({ cause, since, entries: theirs });
  }

  state(state: State): void {
    for (const member of this.#members) member.follow(state);
  }

  demoted(error: PubSubError): void {
    for (const member of this.#members) member.demoted(error);
  }

  denied(error: ServerError): void {
    const kind = kinds[error.command ?? ""] ?? "channel";
    const entries = error.names.flatMap((name) => this.#entriesOf({ kind, key: latin1(name) }));
    for (const member of new Set(entries.map(({ member }) => member))) member.denies(error);
  }

  // ---

  /** The members' entries for a name; whoever is told of something may leave. */
  #entriesOf({ kind, key }: Pick<Entry, "kind" | "key">): OwnEntry[] {
    const topic = this.#topics[kind].get(key);
    return topic === undefined ? [] : [...topic.entries, ...topic.waiting];
  }

  paused(): void {}
  empty(): void {}
}
