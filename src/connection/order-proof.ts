import { Deferred } from "../core/deferred.ts";
import { BEGINNING, type Moment } from "../core/moment.ts";
import { ServerError, type TidingsError } from "../errors.ts";
import type { Reply } from "../resp/reply.ts";
import type { PendingReply } from "./pending.ts";

/** What came back for a PING with a nonce. */
export interface Proof {
  /** Replies before the PING's own that belong to no command. */
  readonly unmatched: readonly Reply[];
  /** The error that came in place of the nonce. */
  readonly refused: ServerError | null;
}

/**
 * A PING with a nonce that checks whether replies match their commands: a reply before its own is unmatched. Servers and
 * proxies that ignore the argument answer PONG, which counts as the nonce.
 */
export class OrderProof implements PendingReply {
  readonly wantsText = true;
  since = 0;
  sentAt: Moment = BEGINNING;
  readonly nonce: string;
  readonly #mostStrays: number;
  readonly #unmatched: Reply[] = [];
  readonly #deferred: Deferred<Proof> = new Deferred();

  /** After `mostStrays` replies without the nonce the proof ends. */
  constructor(nonce: string, mostStrays: number) {
    this.nonce = nonce;
    this.#mostStrays = mostStrays;
  }

  get proof(): Promise<Proof> {
    return this.#deferred.promise;
  }

  settle(reply: Reply): boolean {
    const refused = reply instanceof ServerError ? reply.about("PING") : null;
    const own = refused !== null || isPong(reply, this.nonce);
    if (!own) this.#unmatched.push(reply);
    if (!own && this.#unmatched.length < this.#mostStrays) return false;
    this.#deferred.resolve({ unmatched: this.#unmatched, refused });
    return true;
  }

  lost(reason: TidingsError): void {
    this.#deferred.reject(reason);
  }
}

function isPong(reply: Reply, nonce: string): boolean {
  if (typeof reply !== "string" && !Buffer.isBuffer(reply)) return false;
  const word = reply.toString();
  return word === nonce || word === "PONG";
}
