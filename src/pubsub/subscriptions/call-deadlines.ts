import { address } from "../../connection/settings.ts";
import { TimeoutError } from "../../errors.ts";
import { CallTimer, type Phase } from "./call-timer.ts";
import type { Entry, LinkState, PendingCall } from "./entry.ts";
import type { Unserved } from "./placement.ts";

/** What decides how long a call may wait. */
export interface Connectivity {
  readonly started: boolean;
  readonly links: Iterable<LinkState>;
  /** Why the last connection or attempt ended. */
  readonly failure: unknown;
  /** Why nodes that are connected do not serve entries; `null` where that is not the reason. */
  unserved(entries: readonly Entry[]): Unserved | null;
}

/** What calls reject with that were made on a consumer that is never opened. */
export function notOpened(bound: number): TimeoutError {
  const how = "await its open() first, or make it with the client's pubsub() or shardedPubsub()";
  return new TimeoutError(`The consumer was not opened within ${bound} ms: ${how}.`);
}

/** Bounds the calls of an engine, and says why one ran out of time. */
export class CallDeadlines {
  readonly #connectivity: Connectivity;
  readonly #readyTimeout: number;

  /** `readyTimeout` bounds calls while their links are down; milliseconds, or Infinity. */
  constructor(connectivity: Connectivity, readyTimeout: number) {
    this.#connectivity = connectivity;
    this.#readyTimeout = readyTimeout;
  }

  /** Gives the call its timer, which is not started: `timeout` milliseconds of silence on links that are ready. */
  bound(call: PendingCall, timeout: number, late: (bound: number) => void): void {
    call.timer = new CallTimer({ ready: timeout, away: this.#readyTimeout }, late);
  }

  /** The time of the call runs on, or begins to. */
  run(call: PendingCall): void {
    call.timer?.enter(this.#connectivity.started ? this.#phase(call) : "away");
  }

  /** What a call that ran out of time rejects with. */
  error({ left }: PendingCall, bound: number): TimeoutError {
    const { started, failure } = this.#connectivity;
    const unserved = this.#connectivity.unserved(left);
    if (unserved !== null) {
      const { text, cause } = unserved;
      return new TimeoutError(`Not subscribed within ${bound} ms. ${text}`, cause === null ? undefined : { cause });
    }
    if (left.length > 0 && left.every((entry) => entry.link.ready)) {
      return new TimeoutError(`No confirmation for ${nameList(left)} from ${serverList(left)} within ${bound} ms.`);
    }
    if (!started) return notOpened(bound);
    const why = failure instanceof Error ? failure.message : "Is the server up?";
    return new TimeoutError(
      `No connection within ${bound} ms. ${why}`,
      failure === null ? undefined : { cause: failure },
    );
  }

  #phase({ entries, left }: PendingCall): Phase {
    if (entries.length > 0) return left.length > 0 && left.every(({ link }) => link.ready) ? "ready" : "away";
    const links = [...this.#connectivity.links];
    return links.length > 0 && links.every(({ ready }) => ready) ? "ready" : "away";
  }
}

/** Where they were asked for. */
function serverList(entries: readonly Entry[]): string {
  const servers = new Set(entries.map(({ link }) => (link.endpoint === null ? "the server" : address(link.endpoint))));
  return [...servers].join(", ");
}

function nameList(entries: readonly Entry[]): string {
  const shown = entries.slice(0, 3).map((entry) => JSON.stringify(entry.name.toString()));
  return entries.length > 3 ? `${shown.join(", ")} and ${entries.length - 3} more` : shown.join(", ");
}
