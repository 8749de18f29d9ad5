import type { Endpoint } from "../../connection/settings.ts";
import type { PubSubError, ServerError } from "../../errors.ts";
import type { State } from "../model/state.ts";
import type { CallOptions } from "./calls.ts";
import type { Entry, Kind } from "./entry.ts";
import type { Missed } from "./losses.ts";
import type { Verb } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import type { SubscriptionRequest } from "./request.ts";

/** Is told what becomes of subscriptions. */
export interface SubscriptionsOwner {
  confirmed(verb: Verb, entry: Entry, count: number): void;
  /** Entries are subscribed again; what was sent for them meanwhile may be missed. */
  missed(missed: Missed): void;
  /** `retryIn`: milliseconds until the next attempt to connect, where one is due. */
  state(state: State, retryIn: number | null): void;
  /** An attempt to connect has failed; the next one comes in `delay` milliseconds. */
  retrying(cause: unknown, delay: number): void;
  /** Reading from the network has stopped, or goes on. */
  paused(paused: boolean): void;
  /** The server denied names that stay wanted. */
  denied(error: ServerError): void;
  /** The server was a primary, and is a replica now. */
  demoted(error: PubSubError): void;
  /** No entry is left: nothing is wanted, and no unsubscribe awaits its confirmation. */
  empty(): void;
}

/** What a consumer needs: subscriptions over links of its own (an engine), or over shared ones (a shared consumer). */
export interface Subscriptions {
  readonly registry: Registry;
  readonly state: State;
  readonly started: boolean;
  /** Names that the server denied and that are still wanted. */
  readonly denied: ReadonlyMap<Entry, ServerError>;
  /** Whether nothing is wanted, no call is about to want names, and no unsubscribe awaits its confirmation. */
  readonly empty: boolean;
  /** Whether a call waits. */
  readonly awaited: boolean;
  /** The nodes that serve it now, as they were dialled. */
  readonly nodes: Endpoint[];
  /** Why it failed, or why there is no connection. */
  readonly failure: unknown;
  /** Begins to connect. What is wanted is subscribed as soon as a link is up. */
  start(): void;
  /** Resolves when every link is up and has restored what is wanted. */
  live(options: CallOptions): Promise<void>;
  /** Wants the names, all or none; one that comes twice has one sink. Resolves when the server has confirmed every one. */
  subscribe(requests: Iterable<SubscriptionRequest>, options: CallOptions): Promise<void>;
  /** Asks again for entries that are wanted already; resolves when they are confirmed. */
  reassert(entries: readonly Entry[], options: CallOptions): Promise<void>;
  /** Names that a call has not entered yet are not wanted any more: these, or all of the kind. */
  withdraw(kind: Kind, keys: ReadonlySet<string> | null): void;
  /** No longer wants the entries; resolves when the server has confirmed it, or is silent for `timeout` milliseconds. */
  unsubscribe(entries: readonly Entry[], timeout: number): Promise<void>;
  /** Reads nothing until {@link resume}, but for what a call or a restoration waits for; not even that with `hard`. */
  pause(hard: boolean): void;
  resume(): void;
  /** Fails: nothing is received any more until it is started again. */
  giveUp(reason: unknown): void;
  /** Ends all: pending calls reject, links let their connections go. */
  close(): Promise<void>;
}

/** Subscriptions that several consumers can share. */
export interface Shareable extends Subscriptions {
  /** What these may have missed since they were interrupted, one for each cause; nothing once they are restored. */
  missedSoFar(entries: readonly Entry[]): Missed[];
  /** Calls `passed` with entries when all is read that their server had sent, or `lost` if their connection is lost before. */
  fence(entries: readonly Entry[], passed: (entries: Entry[]) => void, lost: (entries: Entry[]) => void): void;
}
