import { randomBytes } from "node:crypto";
import { type Stamp, stampPayload } from "./stamp.ts";

/** What a {@link Stamper} publishes through: a `ControlClient`, or in a cluster whatever routes by slot. */
interface CommandSender {
  command(...words: string[]): Promise<unknown>;
  /** As `command`, for one that tries again: calls `onSend` before each try. */
  commandTried?(onSend: () => void, ...words: string[]): Promise<unknown>;
}

export interface StamperOptions {
  readonly sender: CommandSender;
  readonly channels: readonly string[];
  /** Milliseconds between two rounds; each round is one message on every channel. Default 5. */
  readonly interval?: number | undefined;
  /** Default `"PUBLISH"`. */
  readonly command?: "PUBLISH" | "SPUBLISH" | undefined;
  /**
   * Whether a channel is left out of a round while its last message has no answer, so that the tries of a sender that
   * tries again keep their order. Default `false`: rounds do not wait.
   */
  readonly lanes?: boolean | undefined;
  /** Bytes added to each payload. Default 0. */
  readonly padding?: number | undefined;
  /** The publisher's name in the payloads, without a colon. Default: a random one. */
  readonly run?: string | undefined;
}

/** One message that was sent. */
export interface Published extends Stamp {
  /** When it was sent, for the last time where it was tried again; epoch milliseconds. */
  sentAt: number;
  /** When the server answered; `null`: it did not (yet), so nobody knows whether it delivered the message. */
  acknowledgedAt: number | null;
  /** The server's count of receivers. */
  receivers: number | null;
}

/** Starts to publish stamped messages at a steady pace. */
export function startStamper(options: StamperOptions): Stamper {
  const stamper = new Stamper(options);
  stamper.resume();
  return stamper;
}

/**
 * The publisher behind the oracles: it goes on through every fault, repeats nothing, and knows of each message whether
 * the server has taken it.
 */
export class Stamper implements AsyncDisposable {
  readonly run: string;
  readonly #options: StamperOptions;
  readonly #published: Published[] = [];
  readonly #sequences = new Map<string, number>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #unanswered = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** Stands still at first: `resume`, or {@link startStamper}. */
  constructor(options: StamperOptions) {
    this.#options = options;
    this.run = options.run ?? randomBytes(4).toString("hex");
  }

  /** Everything sent so far, in order. */
  get published(): readonly Published[] {
    return this.#published;
  }

  /** How many messages the server has taken. */
  get acknowledged(): number {
    return this.#published.reduce((count, { acknowledgedAt }) => count + (acknowledgedAt === null ? 0 : 1), 0);
  }

  /** Publishes at the given pace. */
  resume(): void {
    this.#timer ??= setInterval(() => void this.round(), this.#options.interval ?? 5);
  }

  /** Publishes one message on every channel now; resolves when each is answered or lost. */
  async round(): Promise<void> {
    const { channels, lanes } = this.#options;
    const busy = (channel: string): Promise<void> | undefined => (lanes ? this.#unanswered.get(channel) : undefined);
    await Promise.all(channels.map((channel) => busy(channel) ?? this.#publish(channel)));
  }

  /** Ceases to publish, waits for what is in flight, and reports everything that was sent. */
  async stop(): Promise<readonly Published[]> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#inFlight);
    return this.#published;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #publish(channel: string): Promise<void> {
    const sequence = (this.#sequences.get(channel) ?? 0) + 1;
    this.#sequences.set(channel, sequence);
    const entry: Published = {
      run: this.run,
      channel,
      sequence,
      sentAt: Date.now(),
      acknowledgedAt: null,
      receivers: null,
    };
    this.#published.push(entry);
    const { sender, command = "PUBLISH", padding } = this.#options;
    const words = [command, channel, stampPayload(entry, padding)] as const;
    const onSend = (): void => {
      entry.sentAt = Date.now();
    };
    const sending = (sender.commandTried?.(onSend, ...words) ?? sender.command(...words)).then(
      (receivers) => {
        entry.acknowledgedAt = Date.now();
        entry.receivers = Number(receivers);
      },
      // Lost with its connection, or refused: it stays unacknowledged, and is never sent again.
      () => {},
    );
    const settled = sending.then(() => {
      this.#inFlight.delete(settled);
      if (this.#unanswered.get(channel) === settled) this.#unanswered.delete(channel);
    });
    this.#inFlight.add(settled);
    this.#unanswered.set(channel, settled);
    return settled;
  }
}
