import { byLink } from "./by-link.ts";
import { discard, Entry, type LinkState } from "./entry.ts";
import type { Link } from "./link.ts";
import { inSlotOf } from "./probe.ts";
import { reconcile } from "./reconcile.ts";
import type { Sending } from "./sending.ts";

/** What an audit needs of the engine. */
export interface Audited {
  readonly registry: Iterable<Entry>;
  readonly links: Iterable<Link>;
}

/** A channel that is never subscribed. */
const COUNTED = "tidings-audit";

/** Asks whether the servers still serve what they confirmed, at intervals if wanted; a node may have dropped it in silence. */
export class Audit {
  readonly #engine: Audited;
  readonly #sending: Sending;
  readonly #interval: number | null;
  #timer: NodeJS.Timeout | undefined;

  /** `interval` in milliseconds; `null` for none. */
  constructor(engine: Audited, sending: Sending, interval: number | null) {
    this.#engine = engine;
    this.#sending = sending;
    this.#interval = interval;
  }

  start(): void {
    if (this.#interval === null) return;
    this.#timer ??= setInterval(() => {
      // One that has not answered yet, or is not read, is not asked again.
      const links = new Set<LinkState>(
        [...this.#engine.links].filter((link) => link.restored && link.idle && !link.paused),
      );
      this.ask([...this.#engine.registry].filter(({ link }) => links.has(link)));
      for (const link of this.#engine.links) if (links.has(link)) link.audited();
    }, this.#interval);
  }

  stop(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
  }

  /** Subscribes again to those that are confirmed: the server's count tells whether it had them. */
  ask(entries: readonly Entry[]): void {
    for (const [link, there] of byLink(entries)) {
      const live = there.filter((entry) => link.ready && entry.confirmed === link.epoch);
      this.#askCounts(live, link);
      for (const step of reconcile(live, true)) this.#sending.send(step, link, "audit");
    }
  }

  /** Asks how many subscriptions the server counts: by naming, in an unsubscribe, what was never subscribed. */
  #askCounts(entries: readonly Entry[], link: Link): void {
    const classic = entries.some(({ kind }) => kind !== "shard");
    const shard = entries.find(({ kind }) => kind === "shard");
    const key = shard === undefined ? null : inSlotOf(shard.key, COUNTED);
    if (classic) {
      const entry = new Entry("channel", COUNTED, COUNTED, discard);
      this.#sending.send({ verb: "UNSUBSCRIBE", entries: [entry] }, link, "audit");
    }
    if (key !== null) {
      const entry = new Entry("shard", key, key, discard);
      entry.link = link;
      this.#sending.send({ verb: "SUNSUBSCRIBE", entries: [entry] }, link, "audit");
    }
  }
}
