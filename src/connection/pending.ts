import { Deferred } from "../core/deferred.ts";
import { BEGINNING, type Moment } from "../core/moment.ts";
import { ConnectionError, ServerError, type TidingsError } from "../errors.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { refusalOf } from "./refusals.ts";

/**
 * A command that was written and whose answer has not arrived. Redis answers in order, so the oldest one gets the next
 * reply. (Confirmations of subscriptions are pushes; the sender of the command removes it when it is confirmed.)
 */
export interface PendingReply {
  /** Whether bulk strings of the reply are wanted as text; else they are Buffers. */
  readonly wantsText: boolean;
  /** Since when its answer is awaited: `performance.now()` time. */
  since: number;
  /** When it was sent, or a little before. When its answer is read, all that the server took until then has been read too. */
  sentAt: Moment;
  /** Takes a reply; true when no other is due. A `ServerError` is a reply. */
  settle(reply: Reply): boolean;
  /** The connection is gone; there will be no reply. */
  lost(reason: TidingsError): void;
}

/** A command whose reply settles a promise. */
export class PendingCommand implements PendingReply {
  readonly wantsText: boolean;
  since = 0;
  sentAt: Moment = BEGINNING;
  readonly #verb: Argument | undefined;
  readonly #deferred: Deferred<Reply> = new Deferred();

  constructor(verb: Argument | undefined, wantsText: boolean) {
    this.#verb = verb;
    this.wantsText = wantsText;
  }

  get reply(): Promise<Reply> {
    return this.#deferred.promise;
  }

  settle(reply: Reply): boolean {
    if (reply instanceof ServerError) this.#deferred.reject(refusalOf(reply, this.command));
    else this.#deferred.resolve(reply);
    return true;
  }

  /** Its first word, in upper case. */
  get command(): string {
    return String(this.#verb).toUpperCase();
  }

  lost(reason: TidingsError): void {
    const fate = `${reason.message} ${this.command} was not answered; the server may or may not have run it.`;
    this.#deferred.reject(reason instanceof ConnectionError ? new ConnectionError(fate, { cause: reason }) : reason);
  }
}

/** A PING with a nonce: every answer to what was written before it has arrived when the nonce comes back. */
export class Fence implements PendingReply {
  readonly wantsText = true;
  since = 0;
  sentAt: Moment = BEGINNING;
  readonly nonce: string;
  readonly #strict: boolean;
  readonly #deferred: Deferred<boolean> = new Deferred();

  /** A strict fence takes the next reply for its own; the other one skips errors that answer earlier commands. */
  constructor(nonce: string, strict: boolean) {
    this.nonce = nonce;
    this.#strict = strict;
  }

  /** True: the nonce came back, or (strict) an error such as LOADING, which proves the link alive. False: neither. */
  get passed(): Promise<boolean> {
    return this.#deferred.promise;
  }

  settle(reply: Reply): boolean {
    if (reply instanceof ServerError) {
      if (this.#strict) this.#deferred.resolve(true);
      return this.#strict;
    }
    this.#deferred.resolve(String(reply) === this.nonce);
    return true;
  }

  lost(): void {
    this.#deferred.resolve(false);
  }
}

/**
 * A PING whose answer is known by its place alone, for some servers ignore its argument: all that the server had sent
 * before has been read when it comes.
 */
export class FencePing implements PendingReply {
  readonly wantsText = true;
  since = 0;
  sentAt: Moment = BEGINNING;
  readonly #passed: (() => void)[] = [];

  /** Calls the listener when the answer is read; never if the connection is lost before. */
  onPassed(listener: () => void): void {
    this.#passed.push(listener);
  }

  settle(): boolean {
    for (const listener of this.#passed) listener();
    return true;
  }

  lost(): void {}
}
