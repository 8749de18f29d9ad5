import { setTimeout as delay } from "node:timers/promises";
import type { HostPort } from "../../cluster/replies.ts";
import { slotOf } from "../../cluster/slot.ts";
import type { Endpoint } from "../../connection/settings.ts";
import { onAbort } from "../../core/abort.ts";
import { type Moment, takeMoment } from "../../core/moment.ts";
import { ConnectionError } from "../../errors.ts";
import { latin1, nameOf } from "../../names.ts";
import type { Payload } from "../../resp/reply.ts";
import { discard, Entry } from "./entry.ts";
import type { Link } from "./link.ts";
import { probeMessage } from "./probe-message.ts";

/** What a probe needs of the engine. */
export interface Probed {
  readonly links: Iterable<Link>;
  /** The entries that call the link home. */
  entriesOf(link: Link): Iterable<Entry>;
  /** Subscribes an entry that the user knows nothing of, or, if it is wanted no more, unsubscribes it. */
  tellQuietly(entry: Entry, link: Link): void;
}

/** How a consumer probes. */
export interface ProbeSettings {
  /** Milliseconds. */
  readonly interval: number;
  readonly channel: string;
  /** How long a message may take; milliseconds. */
  readonly timeout: number;
  readonly command: "PUBLISH" | "SPUBLISH";
  /** Publishes on another connection; in a cluster, classic messages through another node than the one named. */
  readonly publish: (channel: Buffer, payload: string, except: HostPort | null) => Promise<unknown>;
}

/** What is known of one connection. */
interface ProbedChannel {
  readonly epoch: number;
  /** The channel that is published to. */
  readonly entry: Entry;
  /** For a shard channel: the user's channel whose slot it shares. While that one is served here, so is this one. */
  readonly companion: Entry | null;
  /** When the last message was sent that came through. */
  provenAt: Moment;
}

/** How often a message that was published must fail to arrive. */
const TRIES = 2;

/**
 * Publishes at intervals to a channel that each link subscribes to. A link on which nothing arrives that another node has
 * taken is deaf, though it may answer PING: its node has lost the others.
 */
export class Probe {
  readonly #probed: Probed;
  readonly #settings: ProbeSettings;
  readonly #probedChannels: WeakMap<Link, ProbedChannel> = new WeakMap();
  readonly #busy: WeakSet<Link> = new WeakSet();
  /** Waits by the message that ends them. */
  readonly #awaited: Map<string, () => void> = new Map();
  readonly #stopped: AbortController = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(probed: Probed, settings: ProbeSettings) {
    this.#probed = probed;
    this.#settings = settings;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // A link that is paused hears nothing, and is no worse for it.
      for (const link of this.#probed.links) if (link.restored && !link.paused) void this.#probe(link);
    }, this.#settings.interval);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped.abort();
  }

  /** A message came on a channel that the user did not ask for. */
  heard(payload: Payload): void {
    this.#awaited.get(payload.text())?.();
  }

  async #probe(link: Link): Promise<void> {
    if (this.#busy.has(link)) return;
    this.#busy.add(link);
    try {
      const line = this.#line(link);
      if (line === null) return;
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const sentAt = takeMoment();
        const { pauses } = link;
        const arrived = await this.#publish(line, link.endpoint);
        if (arrived === null || !isLive(line, link) || this.#stopped.signal.aborted) return;
        if (!arrived && link.pauses !== pauses) return;
        if (arrived) {
          line.provenAt = sentAt;
          return;
        }
      }
      const { channel } = this.#settings;
      const why = `What was published to ${JSON.stringify(channel)} did not arrive, though the node answers PING.`;
      link.reset(new ConnectionError(why), line.provenAt);
    } finally {
      this.#busy.delete(link);
    }
  }

  /** The channel to publish to; `null` while it is being subscribed. */
  #line(link: Link): ProbedChannel | null {
    const known = this.#probedChannels.get(link);
    if (known?.epoch === link.epoch && (known.companion === null || isServed(known.companion, link))) {
      return known.entry.confirmed === link.epoch ? known : null;
    }
    if (known?.epoch === link.epoch && known.entry.wanted) {
      known.entry.established = false;
      this.#probed.tellQuietly(known.entry, link);
    }
    const { channel, command } = this.#settings;
    let key: string | null = latin1(channel);
    let companion: Entry | null = null;
    if (command === "SPUBLISH") {
      key = null;
      for (companion of this.#probed.entriesOf(link)) {
        key = inSlotOf(companion.key, latin1(channel));
        if (key !== null && isServed(companion, link)) break;
      }
    }
    if (key === null) return null;
    const entry = new Entry(command === "SPUBLISH" ? "shard" : "channel", key, nameOf(key, "utf8"), discard);
    entry.established = true;
    this.#probedChannels.set(link, { epoch: link.epoch, entry, companion, provenAt: takeMoment() });
    this.#probed.tellQuietly(entry, link);
    return null;
  }

  /** Whether a message came through in time; `null` if no node took it, which says nothing. */
  async #publish({ entry }: ProbedChannel, endpoint: Endpoint | null): Promise<boolean | null> {
    const nonce = probeMessage();
    const { publish, timeout } = this.#settings;
    const arrival = new Promise<true>((resolve) => this.#awaited.set(nonce, () => resolve(true)));
    const here = endpoint === null || "path" in endpoint ? null : endpoint;
    const timer = new AbortController();
    const abort = onAbort(this.#stopped.signal, () => timer.abort());
    const late = (): Promise<null> => delay(timeout, null, { signal: timer.signal }).catch(() => null);
    const channel = Buffer.from(entry.key, "latin1");
    const taken = publish(channel, nonce, here).then(
      () => false as const,
      () => null,
    );
    try {
      const first = await Promise.race([arrival, taken, late()]);
      if (first !== false) return first;
      return (await Promise.race([arrival, late()])) ?? false;
    } finally {
      abort[Symbol.dispose]();
      timer.abort();
      this.#awaited.delete(nonce);
    }
  }
}

/** Whether the line still proves something of the link. */
function isLive({ epoch, companion }: ProbedChannel, link: Link): boolean {
  return link.restored && link.epoch === epoch && (companion === null || isServed(companion, link));
}

function isServed(entry: Entry, link: Link): boolean {
  return entry.link === link && entry.confirmed === link.epoch && entry.wanted;
}

/** A name that begins with `channel`, in the slot of another; `null` where no hash tag leads there. */
export function inSlotOf(key: string, channel: string): string | null {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  const name = `${channel}{${tag}}`;
  return slotOf(name) === slotOf(key) ? name : null;
}
