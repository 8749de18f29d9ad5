import type { State } from "../model/state.ts";

/** What a consumer has seen so far: `received = delivered + pending + dropped + refused`. */
export interface ConsumerStats {
  /** Published messages that arrived. */
  readonly received: number;
  /** Those given to a reader or a handler. */
  readonly delivered: number;
  /** Those that are lost to readers and handlers: the buffer was full, a drain ran out of time, the consumer was closed. */
  readonly dropped: number;
  /** Those that wait to be read, or behind an async handler. */
  readonly pending: number;
  /** Those whose payload the codec refused. */
  readonly refused: number;
  /** How often all subscriptions were restored. */
  readonly reconnects: number;
  /** Gaps told. */
  readonly gaps: number;
  /** Bytes of the payloads received. */
  readonly bytes: number;
  /** Milliseconds spent in each state. */
  readonly states: Readonly<Record<State, number>>;
}

/** What all consumers of a client have seen, those that are closed included. */
export interface ClientStats extends Omit<ConsumerStats, "states"> {
  /** Consumers that are open. */
  readonly consumers: number;
}

/** The sum of what consumers have seen. */
export function total(all: Iterable<Omit<ConsumerStats, "states">>): Omit<ConsumerStats, "states"> {
  const sum = { received: 0, delivered: 0, dropped: 0, pending: 0, refused: 0, reconnects: 0, gaps: 0, bytes: 0 };
  for (const stats of all) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += stats[name];
  }
  return sum;
}

/** The counters behind a consumer's `stats()`. */
export class Tally {
  received = 0;
  bytes = 0;
  dropped = 0;
  refused = 0;
  gaps = 0;
  reconnects = 0;
  #state: State = "connecting";
  #since = performance.now();
  readonly #states: Record<State, number> = { connecting: 0, live: 0, reconnecting: 0, failed: 0, closed: 0 };

  /** Counts the time of the state that ends; returns that state. */
  enter(state: State): State {
    const previous = this.#state;
    const now = performance.now();
    this.#states[previous] += now - this.#since;
    this.#since = now;
    this.#state = state;
    if (state === "live" && previous === "reconnecting") this.reconnects++;
    return previous;
  }

  stats(pending: number): ConsumerStats {
    const { received, bytes, dropped, refused, gaps, reconnects } = this;
    const states = { ...this.#states };
    states[this.#state] += performance.now() - this.#since;
    const delivered = received - dropped - refused - pending;
    return { received, delivered, dropped, pending, refused, reconnects, gaps, bytes, states };
  }
}
