import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Hole, Ledger } from "../support/ledger.ts";
import { readStamp } from "../support/stamp.ts";
import type { Published, Stamper } from "../support/stamper.ts";

/** What a subscriber process is started with. */
export interface Setup {
  readonly client: string;
  readonly ports: readonly number[];
  readonly channels: readonly string[];
  readonly sharded: boolean;
  /** Whether it is to notice silence after seconds. */
  readonly alert: boolean;
  readonly password?: string | undefined;
}

/** How a client has lived through a fault. */
export interface Outcome {
  /** Milliseconds from the mending to the first message that was published after it, on the last of the channels. */
  readonly back: number | null;
  /** Channels on which nothing came any more. */
  readonly silent: number;
  readonly lost: number;
  /** Lost messages inside the window of a gap that the client told of. */
  readonly told: number;
  /** Of the widest loss inside a window: its length from the first message sent to the last acknowledged, and the window's; ms. */
  readonly widest: { readonly loss: number; readonly window: number } | null;
  readonly misplaced: number;
  readonly crashed: boolean;
  readonly notes: readonly string[];
}

/** How long a client may take to come back, milliseconds. */
const PATIENCE = 15_000;

/** A subscriber in a process of its own, and what it was told. */
export class Subscriber {
  readonly #child: ChildProcess;
  readonly #ledger: Ledger = new Ledger();
  readonly #latest: Map<string, { sequence: number; at: number }[]> = new Map();
  readonly #notes: string[] = [];
  readonly #setup: Setup;
  received = 0;

  private constructor(setup: Setup) {
    this.#setup = setup;
    const file = fileURLToPath(new URL("subscriber.mjs", import.meta.url));
    this.#child = fork(file, [JSON.stringify(setup)], { execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#child.on("message", (message) => this.#heard(message as Record<string, never>));
  }

  static async start(setup: Setup): Promise<Subscriber> {
    const subscriber = new Subscriber(setup);
    const ready = new Promise<void>((resolve, reject) => {
      subscriber.#child.on("message", (message: { type?: string }) => message.type === "ready" && resolve());
      subscriber.#child.once("exit", () => reject(new Error(`${setup.client} ended before it was ready`)));
    });
    await Promise.race([
      ready,
      sleep(PATIENCE, null, { ref: false }).then(() => Promise.reject(new Error(`${setup.client} is not ready`))),
    ]);
    return subscriber;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  send(order: { readonly block?: number; readonly throws?: boolean; readonly mended?: boolean }): void {
    if (this.#child.connected) this.#child.send(order);
  }

  /** Resolves when so many messages have come. */
  async receives(count: number): Promise<void> {
    const goal = this.received + count;
    for (const end = performance.now() + PATIENCE; this.received < goal && performance.now() < end; ) await sleep(5);
  }

  /** Waits for what was published after the mending, then compares. Ends the process. */
  async judge(stamper: Stamper, mended: number, channels: readonly string[]): Promise<Outcome> {
    const firstAfter = (channel: string): number | null => {
      const first = stamper.published.find((it) => it.channel === channel && it.sentAt >= mended);
      const from = first?.sequence ?? Number.POSITIVE_INFINITY;
      return this.#latest.get(channel)?.find(({ sequence }) => sequence >= from)?.at ?? null;
    };
    const crashed = () => this.#child.exitCode !== null;
    for (const end = performance.now() + PATIENCE; performance.now() < end && !crashed(); await sleep(20)) {
      if (channels.every((channel) => firstAfter(channel) !== null)) break;
    }
    const firsts = channels.map(firstAfter);
    const published: readonly Published[] = await stamper.stop();
    await sleep(300);
    const wasCrashed = crashed();
    const routes = channels.map((channel) => ({ channel, pattern: null }));
    const { holes, duplicates, reordered } = this.#ledger.report(published, { routes });
    const lost = holes.reduce((sum, { missing }) => sum + missing, 0);
    await this.stop();
    const silent = firsts.filter((at) => at === null).length;
    return {
      back: silent > 0 ? null : Math.max(0, ...firsts.map((at) => (at as number) - mended)),
      silent,
      lost,
      told: lost - holes.reduce((sum, { untold }) => sum + untold, 0),
      widest: widestOf(holes),
      misplaced: duplicates.length + reordered.length,
      crashed: wasCrashed,
      notes: this.#notes,
    };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #heard(message: { type?: string; channel?: string; data?: string; text?: string }): void {
    if (message.type === "message") {
      const { channel = "", data = "" } = message;
      this.received++;
      this.#ledger.record({ channel, data, pattern: null });
      const all = this.#latest.get(channel) ?? [];
      this.#latest.set(channel, all);
      all.push({ sequence: readStamp(data)?.sequence ?? 0, at: Date.now() });
    } else if (message.type === "gap") {
      this.#ledger.recordGap({ patterns: [], ...message } as never);
    } else if (message.type === "note") {
      this.#notes.push(message.text ?? "");
    }
  }

  get client(): string {
    return this.#setup.client;
  }
}

function widestOf(holes: readonly Hole[]): Outcome["widest"] {
  const all = holes.flatMap(({ lost, window }) =>
    window === null ? [] : [{ loss: lost.to - lost.from, window: Math.round(window.to - window.from) }],
  );
  return all.sort((one, other) => other.window - one.window)[0] ?? null;
}
