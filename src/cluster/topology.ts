import { setTimeout as delay } from "node:timers/promises";
import { isTerminal } from "../connection/refusals.ts";
import { onAbort, throwIfAborted } from "../core/abort.ts";
import { checkWait, type RetryPolicy } from "../core/backoff.ts";
import { Deferred, handled } from "../core/deferred.ts";
import { shuffled } from "../core/shuffled.ts";
import { debug } from "../diagnostics.ts";
import { ClosedError } from "../errors.ts";
import { type DiscoveryOptions, discover } from "./discovery.ts";
import type { Layout } from "./layout.ts";
import type { HostPort } from "./replies.ts";

/** What a topology needs to know. */
export interface TopologyOptions extends DiscoveryOptions {
  readonly seeds: readonly HostPort[];
  readonly retryPolicy: RetryPolicy;
  /** Milliseconds between refreshes that nothing asks for. */
  readonly interval: number;
  /** Called when an attempt to learn the layout for the first time has failed; the next one comes in `wait` milliseconds. */
  readonly retrying: (cause: unknown, wait: number) => void;
}

/** Attempts to learn the layout for the first time. */
interface Learning {
  readonly promise: Promise<Layout>;
  readonly stop: AbortController;
  /** How many wait for it. */
  waiting: number;
}

/** Called after each refresh. */
export type TopologyListener = (layout: Layout) => void;

/** Refreshes that are asked for come no closer than this; milliseconds. A thousand slots that move are a few refreshes. */
const SPACING = 100;

/**
 * What is known of the cluster. Learned at the first use, by the retry policy until it succeeds; then refreshed on demand
 * and at intervals. A refresh that is asked for while one is due is the same one.
 */
export class Topology {
  /** How often nodes were asked. */
  refreshes = 0;
  readonly #options: TopologyOptions;
  readonly #listeners: Set<TopologyListener> = new Set();
  readonly #closed: AbortController = new AbortController();
  #layout: Layout | null = null;
  #isolated = false;
  #learning: Learning | null = null;
  #running: Promise<void> | null = null;
  #due: Promise<void> | null = null;
  #lastStart = Number.NEGATIVE_INFINITY;
  #hint: HostPort | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Why the last refresh failed; `null` after one that did not. */
  #failure: unknown = null;

  constructor(options: TopologyOptions) {
    this.#options = options;
  }

  /** `null` until it is learned. */
  get layout(): Layout | null {
    return this.#layout;
  }

  /** Whether no node is in touch with the majority. */
  get isolated(): boolean {
    return this.#isolated;
  }

  get failure(): unknown {
    return this.#failure;
  }

  /**
   * The layout, learned first if need be: for as long as a caller waits whose signal is not aborted. Rejects with the
   * signal's reason, or where further attempts are pointless; the next call tries again.
   */
  async known(signal: AbortSignal): Promise<Layout> {
    if (this.#layout !== null) return this.#layout;
    throwIfAborted(signal);
    this.#learning ??= this.#begin();
    const learning = this.#learning;
    learning.waiting++;
    const aborted = new Deferred<never>();
    const abort = onAbort(signal, () => aborted.reject(signal.reason));
    try {
      return await Promise.race([learning.promise, aborted.promise]);
    } finally {
      abort[Symbol.dispose]();
      learning.waiting--;
      if (learning.waiting === 0) this.#end(learning);
    }
  }

  /**
   * Asks the nodes anew, the one named first; resolves after an attempt that began after this call, however it went.
   */
  refresh(first: HostPort | null = null): Promise<void> {
    this.#hint = first ?? this.#hint;
    this.#due ??= this.#soon();
    return this.#due;
  }

  /** A node answered that another node serves the slot now. If it did not say which, the nodes are asked. */
  moved(slot: number, owner: HostPort | null): void {
    if (owner === null) void this.refresh();
    if (this.#layout === null || owner === null) return;
    const before = this.#layout;
    this.#layout = before.withOwner(slot, owner);
    if (this.#layout === before) return;
    if (debug.enabled) debug(`slot ${slot} is at ${owner.host}:${owner.port} now`);
    void this.refresh(owner);
  }

  /** Calls the listener after each refresh; returns a function that takes it back. */
  onRefresh(listener: TopologyListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed.abort(new ClosedError("The client was closed."));
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #begin(): Learning {
    const stop = new AbortController();
    const closed = onAbort(this.#closed.signal, () => stop.abort(this.#closed.signal.reason));
    const promise = this.#learn(stop.signal).finally(() => closed[Symbol.dispose]());
    // The last that waited may have gone when it fails.
    return { promise: handled(promise), stop, waiting: 0 };
  }

  #end(learning: Learning): void {
    learning.stop.abort();
    if (this.#learning === learning) this.#learning = null;
  }

  async #learn(signal: AbortSignal): Promise<Layout> {
    for (let attempt = 1; ; attempt++) {
      await this.refresh();
      throwIfAborted(signal);
      if (this.#layout !== null) return this.#layout;
      const wait = isTerminal(this.#failure) ? null : checkWait(this.#options.retryPolicy(attempt, this.#failure));
      if (wait === null) throw this.#failure;
      this.#options.retrying(this.#failure, wait);
      await delay(wait, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }

  async #soon(): Promise<void> {
    const { signal } = this.#closed;
    await this.#running;
    const wait = this.#lastStart + SPACING - performance.now();
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => {});
    this.#due = null;
    if (signal.aborted) return;
    this.#lastStart = performance.now();
    this.#running = this.#refresh();
    await this.#running;
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.refreshes++;
    const nodes = this.#candidates();
    this.#hint = null;
    const { signal } = this.#closed;
    try {
      const { layout: told, health, complete } = await discover(nodes, this.#options, signal);
      throwIfAborted(signal);
      // A slot whose owner no node reports stays with the known owner.
      const layout = complete || this.#layout === null ? told : told.filledFrom(this.#layout);
      this.#layout = layout;
      this.#isolated = health === "isolated";
      this.#failure = null;
      for (const listener of this.#listeners) listener(layout);
    } catch (error) {
      this.#failure = error;
    }
    // Until there is one, each that learns it keeps the time.
    if (signal.aborted || this.#layout === null) return;
    this.#timer = setTimeout(() => void this.refresh(), this.#options.interval);
    // A test environment (jsdom) may have timers that are numbers.
    this.#timer.unref?.();
  }

  /** The nodes to ask: the one that a redirect names, then the known ones in random order, then the seeds. */
  #candidates(): HostPort[] {
    const known = shuffled([...(this.#layout?.nodes.values() ?? [])]);
    const living = known.filter(({ failed }) => !failed);
    const all = [...(this.#hint === null ? [] : [this.#hint]), ...living, ...shuffled(this.#options.seeds)];
    const unique = new Map(all.map(({ host, port }) => [`${host} ${port}`, { host, port }]));
    return [...unique.values()];
  }
}
