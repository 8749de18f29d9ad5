import { type Moment, takeMoment, windowBetween } from "../../core/moment.ts";
import { debug, diagnostics } from "../../diagnostics.ts";
import type { Gap, GapCause } from "../model/gap.ts";
import type { Entry } from "../subscriptions/entry.ts";

/** What gaps are told to. */
export interface GapReportsOwner {
  /** The consumer, as diagnostics name it. */
  readonly consumer: object;
  /** Whether anyone listens to the event. */
  listened(): boolean;
  /** One more was told: it counts, and the event is emitted. */
  told(gap: Gap<string | Buffer>): void;
  /** Lays it in the stream, in its place. */
  lay(gap: Gap<string | Buffer>): void;
}

/** A gap of an unknown number of messages, from `since` until now. */
export function gapOf(
  cause: GapCause,
  entries: readonly Entry[],
  since: Moment,
  certain = false,
): Gap<string | Buffer> {
  const namesOf = (patterns: boolean): (string | Buffer)[] =>
    entries.filter(({ kind }) => (kind === "pattern") === patterns).map(({ name }) => name);
  const [channels, patterns] = [namesOf(false), namesOf(true)];
  const { from, to } = windowBetween(since, takeMoment());
  return Object.freeze({ type: "gap", cause, channels, patterns, from, to, dropped: null, certain });
}

/** Tells gaps: as events always, in the stream where that is wanted. */
export class GapReports {
  /** Whether the stream has them. */
  readonly included: boolean;
  readonly #owner: GapReportsOwner;

  constructor(included: boolean, owner: GapReportsOwner) {
    this.included = included;
    this.#owner = owner;
  }

  /** Whether anyone sees them. */
  get seen(): boolean {
    return this.included || this.#owner.listened() || diagnostics.gap.hasSubscribers;
  }

  /** Tells it in the stream too. */
  tell(gap: Gap<string | Buffer>): void {
    if (this.included) this.#owner.lay(gap);
    this.emit(gap);
  }

  /** Tells it as an event alone: the stream has it already, or is over. */
  emit(gap: Gap<string | Buffer>): void {
    if (diagnostics.gap.hasSubscribers) diagnostics.gap.publish({ consumer: this.#owner.consumer, gap });
    if (debug.enabled) {
      const names = gap.channels.length + gap.patterns.length;
      debug(`gap: ${gap.cause}, ${names} names, ${gap.to - gap.from} ms, dropped ${gap.dropped ?? "unknown"}`);
    }
    this.#owner.told(gap);
  }
}
