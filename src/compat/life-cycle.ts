import { setTimeout as delay } from "node:timers/promises";
import { type Redis, type State, type StateChange, TidingsError } from "tidings";
import type { AnyClient } from "./group.ts";

/** Where a face stands, in ioredis' words. `wait`: it was not asked to connect yet. */
export type Status = "wait" | "connecting" | "connect" | "ready" | "close" | "reconnecting" | "end";

/** Takes what happens to the connections of a face. */
export interface LifeCycleOwner {
  connected(): void;
  /** A connection was lost, or could not be made; the next attempt comes in `delay` milliseconds. */
  lost(cause: Error, delay: number): void;
  /** It is over: the client was closed, refused, or gave up. */
  over(cause: Error | null): void;
}

/** Between calls that ran out of time; milliseconds. */
const PAUSE = 100;

/** A consumer of the face, as its state is told. */
interface Watched {
  readonly state: State;
  on(event: "state", listener: (state: State, change: StateChange) => void): unknown;
}

/**
 * One connection seen where there are several: the client's for commands, and one for each consumer of the face. The face
 * is ready while all of them are.
 */
export class LifeCycle {
  /** Of either kind: TypeScript calls no overloads of a union. */
  readonly #client: Redis;
  readonly #owner: LifeCycleOwner;
  readonly #down: Set<object> = new Set();
  readonly #consumers: Set<Watched> = new Set();
  #status: Status = "wait";
  #connecting: Promise<void> | null = null;

  constructor(client: AnyClient, owner: LifeCycleOwner) {
    this.#client = client as Redis;
    this.#owner = owner;
  }

  get status(): Status {
    return this.#status;
  }

  /** Connects, as long as the client's retry policy goes on. Resolves when the face is ready. */
  start(): Promise<void> {
    this.#connecting ??= this.#start();
    return this.#connecting;
  }

  /** A consumer of the face, to be told of. */
  watch(consumer: Watched): void {
    this.#consumers.add(consumer);
    consumer.on("state", (state, { cause, retryIn }) => {
      if (this.#status === "end") return;
      if (state === "live") this.#up(consumer);
      else if (state === "reconnecting") this.#lost(consumer, cause, retryIn ?? 0);
      else if (state === "failed") this.#over(errorOf(cause));
    });
  }

  /** Nothing is told any more, until it is started again. */
  end(): void {
    this.#status = "end";
    this.#connecting = null;
    this.#down.clear();
    this.#consumers.clear();
    this.#client.off("ready", this.#ready);
    this.#client.off("reconnecting", this.#reconnecting);
    this.#client.off("close", this.#closed);
  }

  async #start(): Promise<void> {
    const client = this.#client;
    client.on("ready", this.#ready);
    client.on("reconnecting", this.#reconnecting);
    client.on("close", this.#closed);
    this.#status = "connecting";
    this.#down.add(client);
    while (client.state !== "live") {
      const since = performance.now();
      try {
        await client.connect();
      } catch (error) {
        if (this.#isOver) return;
        if (!isPassing(error, performance.now() - since, readyTimeoutOf(client))) {
          this.#over(errorOf(error));
          throw error;
        }
        await delay(PAUSE);
        if (this.#isOver) return;
      }
    }
    // Never in the turn of the call: listeners are still added to the new face.
    await new Promise(setImmediate);
    if (this.#status === "connecting" || this.#status === "reconnecting") this.#up(client);
  }

  readonly #ready = (): void => {
    if (this.#status === "reconnecting") this.#up(this.#client);
  };

  readonly #reconnecting = ({ delay, cause }: { readonly delay: number; readonly cause: unknown }): void => {
    if (this.#client.state !== "live") {
      this.#lost(this.#client, cause, delay);
      return;
    }
    // The first connection of a consumer, of this face or of another one.
    for (const consumer of this.#consumers) {
      if (consumer.state !== "connecting") continue;
      this.#down.add(consumer);
      this.#lost(consumer, cause, delay);
    }
  };

  readonly #closed = (): void => this.#over(null);

  get #isOver(): boolean {
    return this.#status === "end";
  }

  #lost(source: object, cause: unknown, delay: number): void {
    const error = errorOf(cause);
    const wasDown = this.#down.has(source);
    this.#down.add(source);
    this.#status = "reconnecting";
    this.#owner.lost(wasDown ? ofConnecting(error) : error, delay);
  }

  #up(source: object): void {
    if (!this.#down.delete(source) || this.#down.size > 0) return;
    this.#status = "ready";
    this.#owner.connected();
  }

  #over(cause: Error | null): void {
    if (this.#isOver) return;
    this.end();
    this.#owner.over(cause);
  }
}

/** Whether a client that could not connect goes on trying: its call ran out of time, or the cluster serves nothing yet. */
function isPassing(error: unknown, waited: number, readyTimeout: number): boolean {
  if (!(error instanceof TidingsError)) return false;
  if (error.code === "TIMEOUT") return true;
  // A cluster's client says the same where its policy gave up, but sooner.
  return error.code === "CLUSTER" && (waited >= readyTimeout * 0.9 || !error.message.startsWith("No node told"));
}

/** Milliseconds that a call of the client waits; kept where consumers find their defaults. */
function readyTimeoutOf(client: Redis): number {
  const connections = client["~connections"] as { readonly defaults?: { readonly readyTimeout?: number } };
  return connections.defaults?.readyTimeout ?? 10_000;
}

/** The error that Node or the server gave, which libraries know how to read; else ours. */
function errorOf(cause: unknown): Error {
  let error = cause instanceof Error ? cause : new Error(String(cause));
  while (error.cause instanceof Error) error = error.cause;
  return error;
}

/** Libraries tell an attempt to connect that failed by the first word, which Node's own errors have. */
function ofConnecting(error: Error): Error {
  if (error.message.startsWith("connect")) return error;
  const { code } = error as { code?: unknown };
  return Object.assign(new Error(`connect: ${error.message}`, { cause: error }), code === undefined ? {} : { code });
}
