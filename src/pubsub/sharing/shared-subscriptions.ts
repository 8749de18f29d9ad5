import { earlier, type Moment, takeMoment } from "../../core/moment.ts";
import { type PubSubError, ServerError } from "../../errors.ts";
import { latin1, nameOf } from "../../names.ts";
import type { State } from "../model/state.ts";
import type { CallOptions } from "../subscriptions/calls.ts";
import type { Entry, Kind } from "../subscriptions/entry.ts";
import type { Interruption, Missed } from "../subscriptions/losses.ts";
import type { Verb } from "../subscriptions/reconcile.ts";
import type { SubscriptionRequest } from "../subscriptions/request.ts";
import type { Shareable, SubscriptionsOwner } from "../subscriptions/subscriptions.ts";
import { FanOut } from "./fan-out.ts";
import type { OwnEntry, SharedConsumer, SharedConsumerHost } from "./shared-consumer.ts";

/** The fan-out of one name. */
export type SharedFanOut = FanOut<OwnEntry>;

const kinds: Readonly<Record<string, Kind>> = { SUBSCRIBE: "channel", PSUBSCRIBE: "pattern", SSUBSCRIBE: "shard" };

/**
 * Many consumers over the links of one engine. Each name is subscribed once, for as long as any consumer wants it; what
 * arrives, and what is told of the links, goes to the consumers that it is about.
 */
export class SharedSubscriptions implements SubscriptionsOwner, SharedConsumerHost {
  readonly engine: Shareable;
  readonly #fanOuts: Readonly<Record<Kind, Map<string, SharedFanOut>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  readonly #consumers: Set<SharedConsumer> = new Set();
  readonly #deserted: () => void;

  /** `deserted` is called when the last consumer leaves. */
  constructor(engine: (owner: SubscriptionsOwner) => Shareable, deserted: () => void) {
    this.engine = engine(this);
    this.#deserted = deserted;
  }

  join(consumer: SharedConsumer): void {
    this.#consumers.add(consumer);
  }

  /** A consumer is closed; with the last one the connections are given back. */
  async leave(consumer: SharedConsumer): Promise<void> {
    if (!this.#consumers.delete(consumer) || this.#consumers.size > 0) return;
    this.#deserted();
    await this.engine.close();
  }

  /** Whether the name is subscribed, and not just for a call that may fail yet. */
  isLive({ kind, key }: SharedFanOut): boolean {
    const entry = this.engine.registry[kind].get(key);
    return entry?.established === true && entry.link.ready && entry.confirmed === entry.link.epoch;
  }

  /** Whether another consumer wants the name of the entry. */
  isShared(own: OwnEntry): boolean {
    for (const entry of this.#entriesOf(own)) if (entry !== own && entry.wanted) return true;
    return false;
  }

  /** The fan-out of a consumer's entry, which receives once it is confirmed. */
  add(entry: OwnEntry): SharedFanOut {
    const { kind, key } = entry;
    let fanOut = this.#fanOuts[kind].get(key);
    if (fanOut === undefined) {
      fanOut = new FanOut(kind, key);
      this.#fanOuts[kind].set(key, fanOut);
    }
    if (!fanOut.entries.has(entry)) fanOut.waiting.add(entry);
    return fanOut;
  }

  /** The entry receives nothing more. */
  remove(entry: OwnEntry): void {
    const fanOut = this.#fanOuts[entry.kind].get(entry.key);
    fanOut?.remove(entry);
    if (fanOut?.empty) this.#fanOuts[entry.kind].delete(entry.key);
  }

  subscribe(
    fanOuts: readonly SharedFanOut[],
    options: CallOptions,
    missed: (fanOut: SharedFanOut) => Interruption | undefined,
  ): Promise<void> {
    const [only] = fanOuts;
    // Unless it was unsubscribed again since: then that subscribe is of no use any more.
    if (only?.pending?.timeout === options.timeout && fanOuts.length === 1) {
      if (this.engine.registry[only.kind].get(only.key)?.wanted) return only.pending.subscribed;
    }
    const requests = fanOuts.map((fanOut): SubscriptionRequest => {
      const { kind, key } = fanOut;
      return { kind, key, name: nameOf(key, "bytes"), sink: fanOut, missed: missed(fanOut) };
    });
    const subscribed = this.engine.subscribe(requests, options);
    if (only === undefined || fanOuts.length > 1) return subscribed;
    const pending = {
      timeout: options.timeout,
      subscribed: subscribed.finally(() => {
        if (only.pending === pending) only.pending = null;
      }),
    };
    only.pending = pending;
    return pending.subscribed;
  }

  /** No consumer wants these names any more. */
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
    const byEntry = new Map<Entry | undefined, OwnEntry>();
    for (const entry of own) byEntry.set(this.engine.registry[entry.kind].get(entry.key), entry);
    const fanOuts = [...byEntry.keys()].filter((entry) => entry !== undefined);
    return this.engine.missedSoFar(fanOuts).map(({ cause, since, entries }) => ({
      cause,
      since,
      entries: entries.flatMap((entry) => byEntry.get(entry) ?? []),
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
    for (const own of this.#entriesOf(entry)) own.consumer.confirmed(verb, own);
  }

  /** The entry is confirmed: it receives from now on. */
  admit(entry: OwnEntry): void {
    const shared = this.engine.registry[entry.kind].get(entry.key);
    if (shared !== undefined) entry.link = shared.link;
    this.#fanOuts[entry.kind].get(entry.key)?.admit(entry);
  }

  missed({ cause, since, entries }: Missed): void {
    const byConsumer = new Map<SharedConsumer, OwnEntry[]>();
    for (const entry of entries) {
      for (const own of this.#entriesOf(entry)) {
        const theirs = byConsumer.get(own.consumer);
        if (theirs === undefined) byConsumer.set(own.consumer, [own]);
        else theirs.push(own);
      }
    }
    for (const [consumer, theirs] of byConsumer) consumer.missed({ cause, since, entries: theirs });
  }

  state(state: State, retryIn: number | null): void {
    for (const consumer of this.#consumers) consumer.follow(state, retryIn);
  }

  retrying(cause: unknown, delay: number): void {
    const [first] = this.#consumers;
    first?.retrying(cause, delay);
  }

  demoted(error: PubSubError): void {
    for (const consumer of this.#consumers) consumer.demoted(error);
  }

  denied(error: ServerError): void {
    const kind = kinds[error.command ?? ""] ?? "channel";
    const entries = error.names.flatMap((name) => this.#entriesOf({ kind, key: latin1(name) }));
    for (const consumer of new Set(entries.map(({ consumer }) => consumer))) consumer.denies(error);
  }

  // ---

  /** The consumers' entries for a name, copied: one that is told of something may leave. */
  #entriesOf({ kind, key }: Pick<Entry, "kind" | "key">): OwnEntry[] {
    const fanOut = this.#fanOuts[kind].get(key);
    return fanOut === undefined ? [] : [...fanOut.entries, ...fanOut.waiting];
  }

  paused(): void {}
  empty(): void {}
}
