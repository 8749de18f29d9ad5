import { setTimeout as delay } from "node:timers/promises";
import { onAbort } from "../core/abort.ts";
import { checkWait, type RetryPolicy } from "../core/backoff.ts";
import { inRootContext } from "../core/root-context.ts";
import { ConnectionError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { isTerminal } from "./refusals.ts";

/** What a supervisor needs of its owner, and the events that it gives to it. */
export interface Supervised {
  /** Makes the next connection. */
  dial(signal: AbortSignal): Promise<Connection>;
  /** A connection is ready. */
  up(connection: Connection): void;
  /** The live connection is lost, or an attempt has failed; the next attempt comes in `wait` milliseconds. */
  down(reason: unknown, wait: number): void;
  /** No further attempt is made: the login was refused, or the policy gave up. */
  failed(reason: unknown): void;
}

/** A link that lived this long starts the count of attempts anew; milliseconds. */
const SETTLED = 5000;
/** Attempts that are made because the connection is needed come no closer than this; milliseconds. */
const WAKE_SPACING = 1000;
/** The first attempt after a link was lost comes no later than this; milliseconds. */
const FIRST_RETRY = 100;

/** Keeps one connection alive: dials, waits for its end, asks the policy, dials the next life. */
export class Supervisor {
  readonly #owner: Supervised;
  readonly #policy: RetryPolicy;
  #abort: AbortController | null = null;
  /** The wait before the next attempt. */
  #nap: AbortController | null = null;
  #lastAttempt = Number.NEGATIVE_INFINITY;

  constructor(owner: Supervised, policy: RetryPolicy) {
    this.#owner = owner;
    this.#policy = policy;
  }

  /** Begins to dial; does nothing if it is at work already. */
  start(): void {
    if (this.#abort !== null) return;
    this.#abort = new AbortController();
    const work = this.#abort;
    inRootContext(() => void this.#run(work));
  }

  /** The connection is needed: the next attempt is made now, if the last one is not fresher than `spacing` ms. */
  wake(spacing: number = WAKE_SPACING): void {
    if (performance.now() - this.#lastAttempt >= spacing) this.#nap?.abort();
  }

  /** Ends its work; a connection that is up stays with its owner. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#nap?.abort();
  }

  async #run(work: AbortController): Promise<void> {
    const { signal } = work;
    for (let attempt = 1; ; attempt++) {
      let cause: unknown;
      let wasLive = false;
      let connection: Connection | null = null;
      try {
        this.#lastAttempt = performance.now();
        connection = await this.#owner.dial(signal);
        if (signal.aborted) return connection.destroy(new ConnectionError("The connection is no longer wanted."));
        const since = performance.now();
        this.#owner.up(connection);
        cause = await endOf(connection, signal);
        wasLive = true;
        if (performance.now() - since >= SETTLED) attempt = 1;
      } catch (error) {
        connection?.destroy(error);
        cause = error;
      }
      if (signal.aborted) return;
      let wait: number | null = null;
      try {
        if (!isTerminal(cause)) wait = checkWait(this.#policy(attempt, cause));
      } catch (error) {
        cause = error;
      }
      if (wait === null) {
        this.#abort = null;
        this.#owner.failed(cause);
        return;
      }
      const bounded = wasLive && attempt === 1 ? Math.min(wait, FIRST_RETRY) : wait;
      this.#owner.down(cause, bounded);
      this.#nap = new AbortController();
      await delay(bounded, undefined, { signal: this.#nap.signal }).catch(() => {});
      this.#nap = null;
      if (signal.aborted) return;
    }
  }
}

/** Resolves when the connection is lost, or when it is no longer ours; leaves no listener on either. */
function endOf(connection: Connection, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const abort = onAbort(signal, () => {
      forget();
      resolve(signal.reason);
    });
    const forget = connection.onClosed((reason) => {
      abort[Symbol.dispose]();
      resolve(reason);
    });
  });
}
