import { slotOf } from "../../cluster/slot.ts";
import type { Endpoint } from "../../connection/settings.ts";
import { BEGINNING, type Moment } from "../../core/moment.ts";
import type { Payload } from "../../resp/reply.ts";
import type { Call } from "./call.ts";

/** What a name is: each kind has its own commands, and the same name may be all three. */
export type Kind = "channel" | "pattern" | "shard";

/** Where the messages of an entry go. */
export interface Sink {
  message(entry: Entry, payload: Payload): void;
  pmessage(entry: Entry, channel: string, payload: Payload): void;
}

/** Takes messages that are not delivered any more. */
export const discard: Sink = Object.freeze({ message() {}, pmessage() {} });

/** The link that serves an entry. */
export interface LinkState {
  /** Which connection is up; 0 while none is. */
  readonly epoch: number;
  readonly ready: boolean;
  /** The node that the connection goes to; `null` while none is up. */
  readonly endpoint: Endpoint | null;
  /** The engine's order when the connection came up: what was asked before is restored, not sent by itself. */
  readonly since: number;
  /** All that its server took until then has been read. */
  readonly proof: Moment;
  /** An answer may still come that no call waits for: the connection must not be used by another consumer. */
  markUnclean(): void;
}

/** The home of names that no link serves at the moment. */
export const noLink: LinkState = Object.freeze({
  epoch: 0,
  ready: false,
  endpoint: null,
  since: 0,
  proof: BEGINNING,
  markUnclean() {},
});

/** What was sent for an entry: what is remembered of the command when it is answered. */
export interface SentCommand {
  /** The connection it was sent on. */
  readonly epoch: number;
  /** Whether it subscribes; else it unsubscribes. */
  readonly subscribes: boolean;
  /** Whether it restores: calls that were made before it and want the name no more are not served by it. */
  readonly restores: boolean;
  /** Its place in the order of calls and commands. */
  readonly order: number;
  /** The command while it awaits answers. */
  unanswered: { readonly left: readonly Entry[] } | null;
}

/** A call that wants entries, or wants them no more. */
export type PendingCall = Call<Entry, Sink>;

const noCalls: readonly PendingCall[] = Object.freeze([]);

/**
 * A name, what the user wants of it, and what the server was told.
 *
 * Wanted is the user's alone: a call that succeeded established the name, or calls still pending want it. Actual is
 * the server's alone: the name is subscribed where `confirmed` is the epoch of its link, and what the server was told
 * is `last`, if that is of the link's epoch. An epoch is one connection: losing it makes both stale, untouched.
 */
export class Entry {
  readonly kind: Kind;
  readonly key: string;
  /** The name as it is shown. */
  readonly name: string | Buffer;
  sink: Sink;
  link: LinkState = noLink;
  /** The last command sent for the name; `null` once it is unsubscribed. */
  last: SentCommand | null = null;
  /** The epoch that confirmed it; 0 otherwise. */
  confirmed = 0;
  /**
   * Of a shard channel: its node took the latest message that came for it, or the command that subscribed it there, after
   * that. What the node says of itself later proves nothing: it claims a slot for a while after another node serves it.
   */
  served: Moment = BEGINNING;
  established = false;
  calls: readonly PendingCall[] = noCalls;

  constructor(kind: Kind, key: string, name: string | Buffer, sink: Sink) {
    this.kind = kind;
    this.key = key;
    this.name = name;
    this.sink = sink;
  }

  /** Of a shard channel; -1 for others. Not kept: of a hundred thousand entries each byte counts. */
  get slot(): number {
    return this.kind === "shard" ? slotOf(this.key) : -1;
  }

  get wanted(): boolean {
    return this.established || this.calls.length > 0;
  }

  /** Whether the connection that is up was asked for it, and not to leave it since. */
  get asked(): boolean {
    return this.last !== null && this.last.epoch === this.link.epoch && this.last.subscribes;
  }

  /** Whether an unsubscribe on the connection that is up awaits its confirmation. */
  get leaving(): boolean {
    return this.last !== null && this.last.epoch === this.link.epoch && !this.last.subscribes;
  }

  /** `alone` is the call's own list of itself alone, so that a call for many names makes one. */
  addCall(call: PendingCall, alone: readonly PendingCall[]): void {
    this.calls = this.calls.length === 0 ? alone : [...this.calls, call];
  }

  removeCall(call: PendingCall): void {
    if (this.calls.includes(call))
      this.calls = this.calls.length === 1 ? noCalls : this.calls.filter((c) => c !== call);
  }

  /** The user no longer wants it; returns the calls that did, which have no say in it any more. */
  abandon(): readonly PendingCall[] {
    const { calls } = this;
    for (const call of calls) call.replaced.delete(this);
    this.established = false;
    this.calls = noCalls;
    return calls;
  }
}
