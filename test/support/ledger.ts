import { distance, type GapWindow, slackOf, type WindowLimit } from "./gap-window.ts";
import { type Name, nameKey } from "./name-key.ts";
import { readStamp, type Stamp } from "./stamp.ts";
import type { Published } from "./stamper.ts";

/** As much of a received message as the ledger looks at. */
export interface LedgerMessage {
  readonly channel: Name;
  readonly pattern: Name | null;
  readonly data: string | Uint8Array;
}

/** As much of a reported gap as the ledger looks at. */
export interface LedgerGap extends GapWindow {
  readonly channels: Iterable<Name>;
  readonly patterns: Iterable<Name>;
}

/** One way by which messages of a channel come: the channel itself, or a pattern. */
export interface Route {
  readonly channel: string;
  readonly pattern: string | null;
}

/** A message that came when it should not. */
export interface Misplaced extends Stamp, Route {
  /** The highest sequence that had come before it. */
  readonly after: number;
}

/** Messages the server took that never came, from `first` to `last`. */
export interface Hole extends Route {
  readonly run: string;
  readonly first: number;
  readonly last: number;
  /** How many of them were acknowledged, and so should have come. */
  readonly missing: number;
  /** How many of these no gap covers, neither by order nor by time. */
  readonly untold: number;
  /** By how many milliseconds the worst of them misses the windows in its place; infinite where there is no gap. */
  readonly outside: number;
  /** When the first was sent and the last acknowledged. */
  readonly lost: GapWindow;
  /** From the first `from` to the last `to` of the gaps in its place, or `null`: there is none. */
  readonly window: GapWindow | null;
}

export interface LedgerReport {
  readonly duplicates: readonly Misplaced[];
  readonly reordered: readonly Misplaced[];
  /** Payloads that carry no stamp, or that of another channel. */
  readonly foreign: readonly string[];
  readonly holes: readonly Hole[];
  /** Windows that end before they begin. */
  readonly inverted: readonly GapWindow[];
}

export interface ReportOptions {
  /** The routes on which everything should have come. Default: those seen, and every channel published but not seen. */
  readonly routes?: readonly Route[] | undefined;
  /** The limits that the test stands for. Default: none, and a window is exact to 5 ms. */
  readonly limits?: readonly WindowLimit[] | undefined;
  /**
   * Whether a gap may stand before messages that were sent before it: where messages wait for an async handler after the
   * gap was told. Default `false`: it stands between the last message before the hole and the first one after it.
   */
  readonly early?: boolean | undefined;
}

interface Stream extends Route {
  readonly run: string;
  /** Sequence to its place among everything recorded. */
  readonly places: Map<number, number>;
  highest: number;
}

interface PlacedGap extends GapWindow {
  readonly place: number;
  readonly names: ReadonlySet<string>;
}

/**
 * Records what a consumer got, in order, and finds what is wrong with it: the oracles of loss and of order.
 *
 * A message is lost in silence unless a gap that names its route covers it both by order (it was recorded before the
 * first message after the loss) and by time (the server may have taken the message inside its window).
 */
export class Ledger {
  readonly #streams = new Map<string, Stream>();
  readonly #gaps: PlacedGap[] = [];
  readonly #duplicates: Misplaced[] = [];
  readonly #reordered: Misplaced[] = [];
  readonly #foreign: string[] = [];
  #places = 0;

  /** How many messages were recorded. */
  received = 0;

  /** How many gaps were recorded. */
  get gaps(): number {
    return this.#gaps.length;
  }

  /** To be called for every message, in the order in which they come. A property, so that it can be a handler. */
  readonly record = (message: LedgerMessage): void => {
    this.received += 1;
    const place = this.#places++;
    const channel = nameKey(message.channel);
    const stamp = readStamp(message.data);
    if (stamp === undefined || nameKey(stamp.channel) !== channel) {
      this.#foreign.push(`${channel}: ${String(message.data).slice(0, 80)}`);
      return;
    }
    const pattern = message.pattern === null ? null : nameKey(message.pattern);
    const stream = this.#stream(stamp.run, { channel, pattern });
    const misplaced = { ...stamp, channel, pattern, after: stream.highest };
    if (stream.places.has(stamp.sequence)) {
      this.#duplicates.push(misplaced);
      return;
    }
    stream.places.set(stamp.sequence, place);
    if (stamp.sequence < stream.highest) this.#reordered.push(misplaced);
    else stream.highest = stamp.sequence;
  };

  /** To be called for every gap, in its place among the messages. */
  readonly recordGap = ({ channels, patterns, from, to }: LedgerGap): void => {
    const names = new Set<string>();
    for (const channel of channels) names.add(routeKey({ channel: nameKey(channel), pattern: null }));
    for (const pattern of patterns) names.add(routeKey({ channel: "", pattern: nameKey(pattern) }));
    this.#gaps.push({ place: this.#places++, names, from, to });
  };

  /** The widest window of the gaps recorded, in milliseconds. */
  get widest(): number {
    return Math.max(0, ...this.#gaps.map(({ from, to }) => to - from));
  }

  /** The routes whose last acknowledged message has not come yet: empty once the receiver has caught up. */
  behind(published: readonly Published[], { routes }: Pick<ReportOptions, "routes"> = {}): string[] {
    return this.#expected(published, routes)
      .filter(({ stream, taken }) => {
        const last = taken.at(-1);
        return last !== undefined && !stream.places.has(last.sequence);
      })
      .map(({ stream }) => describe(stream));
  }

  /** What was found, compared with what the stampers have published. */
  report(published: readonly Published[], options: ReportOptions = {}): LedgerReport {
    return {
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      foreign: this.#foreign,
      holes: this.#expected(published, options.routes).flatMap(({ stream, taken }) =>
        this.#holes(stream, taken, options),
      ),
      inverted: this.#gaps.filter(({ from, to }) => to < from),
    };
  }

  /** Throws unless every message came once, in order, or lies inside a reported gap. */
  verify(published: readonly Published[], options: ReportOptions = {}): LedgerReport {
    const report = this.report(published, options);
    const faults = [
      ...report.foreign.map((payload) => `foreign payload on ${payload}`),
      ...report.duplicates.map((it) => `duplicate ${it.sequence} on ${describe(it)}, after ${it.after}`),
      ...report.reordered.map((it) => `${it.sequence} after ${it.after} on ${describe(it)}`),
      ...report.inverted.map(({ from, to }) => `a window of ${to - from} ms`),
      ...report.holes.filter(({ untold }) => untold > 0).map(describeHole),
    ];
    if (faults.length > 0) throw new Error(`${faults.length} fault(s):\n${faults.slice(0, 20).join("\n")}`);
    return report;
  }

  #stream(run: string, route: Route): Stream {
    const key = `${run}:${route.channel}:${routeKey(route)}`;
    const stream = this.#streams.get(key) ?? { run, ...route, places: new Map<number, number>(), highest: 0 };
    this.#streams.set(key, stream);
    return stream;
  }

  /** Each stream that should be complete, with what the server took for it. */
  #expected(
    published: readonly Published[],
    routes: readonly Route[] | undefined,
  ): { readonly stream: Stream; readonly taken: readonly Published[] }[] {
    const byChannel = new Map<string, Published[]>();
    for (const entry of published) {
      if (entry.acknowledgedAt === null) continue;
      const key = JSON.stringify([entry.run, nameKey(entry.channel)]);
      const entries = byChannel.get(key) ?? [];
      entries.push(entry);
      byChannel.set(key, entries);
    }
    return [...byChannel].flatMap(([key, taken]) => {
      const [run, channel] = JSON.parse(key) as [string, string];
      const seen = [...this.#streams.values()].filter((stream) => stream.run === run && stream.channel === channel);
      const named = routes
        ?.map((route) => ({ channel: nameKey(route.channel), pattern: route.pattern && nameKey(route.pattern) }))
        .filter((route) => route.channel === channel);
      const wanted = named ?? (seen.length > 0 ? seen : [{ channel, pattern: null }]);
      return wanted.map((route) => ({ stream: this.#stream(run, route), taken }));
    });
  }

  #holes(stream: Stream, taken: readonly Published[], options: ReportOptions): Hole[] {
    const holes: Hole[] = [];
    let missing: Published[] = [];
    let before = -1;
    const close = (after: number): void => {
      if (missing.length > 0) holes.push(this.#hole(stream, missing, before, after, options));
      missing = [];
    };
    for (const entry of taken) {
      const place = stream.places.get(entry.sequence);
      if (place === undefined) missing.push(entry);
      else {
        close(place);
        before = place;
      }
    }
    close(Number.POSITIVE_INFINITY);
    return holes;
  }

  #hole(stream: Stream, missing: readonly Published[], before: number, after: number, options: ReportOptions): Hole {
    const { limits, early = false } = options;
    const slack = slackOf(limits);
    const gaps = this.#gaps.filter(
      ({ names, place }) => names.has(routeKey(stream)) && place < after && (early || place > before),
    );
    const misses = missing.map((entry) =>
      Math.min(Number.POSITIVE_INFINITY, ...gaps.map((gap) => distance(gap, entry))),
    );
    const { run, channel, pattern } = stream;
    return {
      run,
      channel,
      pattern,
      first: missing[0]?.sequence ?? 0,
      last: missing.at(-1)?.sequence ?? 0,
      missing: missing.length,
      untold: gaps.length === 0 ? missing.length : misses.filter((miss) => miss > slack).length,
      outside: Math.max(...misses),
      lost: {
        from: missing[0]?.sentAt ?? 0,
        to: Math.max(...missing.map(({ sentAt, acknowledgedAt }) => acknowledgedAt ?? sentAt)),
      },
      window:
        gaps.length === 0
          ? null
          : { from: Math.min(...gaps.map(({ from }) => from)), to: Math.max(...gaps.map(({ to }) => to)) },
    };
  }
}

/** What a gap names: the pattern if the route has one, else the channel. */
function routeKey({ channel, pattern }: Route): string {
  return pattern === null ? `channel ${channel}` : `pattern ${pattern}`;
}

function describe({ run, channel, pattern }: Route & { readonly run: string }): string {
  return `${channel}${pattern === null ? "" : ` by ${pattern}`} of ${run}`;
}

function describeHole(hole: Hole): string {
  const { first, last, missing, untold, outside, lost, window } = hole;
  const what = `${first} to ${last} lost in silence on ${describe(hole)}`;
  if (window === null) return `${what}: no gap in their place`;
  const [begin, end] = [window.from - lost.from, window.to - lost.from].map((it) => `${Math.round(it)}`);
  const width = `the window is from ${begin} to ${end} ms, the loss from 0 to ${lost.to - lost.from} ms`;
  return `${what}: ${untold} of ${missing} outside of the window, by up to ${Math.round(outside)} ms; ${width}`;
}
