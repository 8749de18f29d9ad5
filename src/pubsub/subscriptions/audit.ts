import type { Entry, LinkState } from "./entry.ts";
import type { Link } from "./link.ts";

/** What an audit needs of the engine. */
export interface Audited {
  readonly registry: Iterable<Entry>;
  readonly links: Iterable<Link>;
  audit(entries: readonly Entry[]): void;
}

/** Asks at intervals whether the servers still serve what they confirmed; a node may have dropped it in silence. */
export class Audit {
  readonly #engine: Audited;
  readonly #interval: number;
  #timer: NodeJS.Timeout | undefined;

  /** `interval` in milliseconds. */
  constructor(engine: Audited, interval: number) {
    this.#engine = engine;
    this.#interval = interval;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // One that has not answered yet, or is not read, is not asked again.
      const links = new Set<LinkState>(
        [...this.#engine.links].filter((link) => link.restored && link.idle && !link.paused),
      );
      this.#engine.audit([...this.#engine.registry].filter(({ link }) => links.has(link)));
      for (const link of this.#engine.links) if (links.has(link)) link.audited();
    }, this.#interval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
