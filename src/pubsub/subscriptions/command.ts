import type { PendingReply } from "../../connection/pending.ts";
import type { ConfirmationKind } from "../../connection/pushes.ts";
import { refusalOf } from "../../connection/refusals.ts";
import { address } from "../../connection/settings.ts";
import { BEGINNING, type Moment } from "../../core/moment.ts";
import { ConnectionError, ProtocolError, ServerError } from "../../errors.ts";
import type { Reply } from "../../resp/reply.ts";
import { Call } from "./call.ts";
import type { Entry, LinkState, PendingCall, SentCommand } from "./entry.ts";
import type { Step, Verb } from "./reconcile.ts";

/** What a command goes over. */
export interface Carrier extends LinkState {
  /** Sends it; with `restoring` the link counts as restored only when it is confirmed. */
  send(command: Command, restoring: boolean): void;
  /** It is answered, or replaced by others. */
  finish(command: Command): void;
  /** Gives the connection up; the next one restores everything. */
  reset(reason: unknown): void;
}

/**
 * What a command is sent for: one call; a restoration; an audit, whose answers are not shown; or (`null`) all calls that wait
 * for its names.
 */
export type Purpose = PendingCall | "restoration" | "audit" | null;

/** Is told how a command went. */
export interface CommandOwner {
  refused(command: Command, error: ServerError): void;
  /** The fence behind the command is passed: what is not confirmed by now never will be. */
  fenced(command: Command): void;
  lost(command: Command): void;
}

/**
 * A (P|S)(UN)SUBSCRIBE that was sent. The server answers it with one confirmation per name, or with one error for all;
 * confirmations are matched by name, errors by the order of commands.
 *
 * A SUNSUBSCRIBE is different: a slot that leaves the node takes its subscriptions with it, told by a push that looks
 * like the confirmation, and the command is then answered by a MOVED. So a PING goes behind it, and only the nonce that
 * comes back says that all its answers are there. A bare one is about all shard channels of the connection.
 */
export class Command implements PendingReply {
  readonly wantsText = false;
  since = 0;
  sentAt: Moment = BEGINNING;
  readonly verb: Verb;
  /** What its confirmations are called. */
  readonly kind: ConfirmationKind;
  readonly link: Carrier;
  /** The connection it was sent on. */
  readonly epoch: number;
  /** Its place in the order in which calls and commands were issued. */
  readonly order: number;
  readonly purpose: Purpose;
  /** The one call it was sent for; `null`: it serves every call that waits for its names. */
  readonly call: PendingCall | null;
  /** Whether the link counts as restored only when it is confirmed. */
  readonly restores: boolean;
  /** Whether it only asks if what should be there is. */
  readonly audits: boolean;
  /** What the PING behind it comes back with; `null` where there is none. */
  readonly nonce: string | null;
  /** Whether it is sent without its names. */
  readonly bare: boolean;
  /** The error that came before the nonce; `null` if none did. */
  refusal: ServerError | null = null;
  /** What its entries remember of it. */
  readonly told: SentCommand;
  readonly #entries: Entry[];
  readonly #owner: CommandOwner;
  #next = 0;

  constructor(
    step: Step,
    context: {
      link: Carrier;
      order: number;
      purpose: Purpose;
      owner: CommandOwner;
    },
  ) {
    this.verb = step.verb;
    this.kind = step.verb.toLowerCase() as ConfirmationKind;
    this.#entries = [...step.entries];
    this.link = context.link;
    this.epoch = context.link.epoch;
    this.order = context.order;
    const { purpose } = context;
    this.purpose = purpose;
    this.call = purpose instanceof Call ? purpose : null;
    this.restores = purpose === "restoration";
    this.audits = purpose === "audit";
    this.nonce = step.verb === "SUNSUBSCRIBE" ? `tidings-sunsubscribe-${context.order}` : null;
    this.bare = step.bare ?? false;
    this.#owner = context.owner;
    const { epoch, subscribes, restores, order } = this;
    this.told = { epoch, subscribes, restores, order, unanswered: this };
  }

  get subscribes(): boolean {
    return this.verb === "SUBSCRIBE" || this.verb === "PSUBSCRIBE" || this.verb === "SSUBSCRIBE";
  }

  /** The names that are sent. */
  get keys(): string[] {
    return this.bare ? [] : this.#entries.map((entry) => entry.key);
  }

  /** Whether none of its names is confirmed yet. */
  get untouched(): boolean {
    return this.#next === 0;
  }

  /** Whether every name is confirmed. */
  get done(): boolean {
    return this.#next === this.#entries.length;
  }

  /** The names without a confirmation yet. */
  get left(): Entry[] {
    return this.#entries.slice(this.#next);
  }

  /** The entry that a confirmation of `key` is for, counted as confirmed; `undefined` if it is none of the command's. */
  take(key: string): Entry | undefined {
    const entries = this.#entries;
    // Servers confirm in the order of the command; another order costs a search.
    for (let i = this.#next; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      if (entry.key !== key) continue;
      entries[i] = entries[this.#next] as Entry;
      entries[this.#next++] = entry;
      if (this.done) this.#entries.length = this.#next = 0;
      return entry;
    }
    return undefined;
  }

  settle(reply: Reply): boolean {
    if (this.nonce !== null) {
      if (reply instanceof ServerError) this.refusal = reply;
      if (String(reply) !== this.nonce) return false;
      this.#owner.fenced(this);
      return true;
    }
    if (reply instanceof ServerError) this.#owner.refused(this, refusalOf(reply, this.verb));
    else
      this.link.reset(new ProtocolError(`${this.verb} was answered with a plain reply. The replies are out of step.`));
    return true;
  }

  lost(): void {
    this.#owner.lost(this);
  }
}

/** The server took a connection, and not the subscriptions that were there before. */
export function notRestored({ link: { endpoint } }: Command, cause: ServerError): ConnectionError {
  const server = endpoint === null ? "The server" : address(endpoint);
  return new ConnectionError(`${server} did not restore the subscriptions: ${cause.message}`, { cause });
}
