import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BufferOptions, ChannelMessage, Gap, Message, State } from "tidings";
import { expect } from "vitest";
import { atExit } from "../support/at-exit.ts";
import { eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";

/** What the other process subscribes to, and how patient it is; times in milliseconds. */
export interface Setting {
  readonly port: number;
  readonly protocol: 2 | 3;
  readonly channels: readonly string[];
  /** Of the consumer's own connection; without them, those of the library. */
  readonly maxIdle?: number;
  readonly pingTimeout?: number;
  readonly shared?: boolean;
  readonly buffer?: BufferOptions;
  /** Before each attempt to reconnect. */
  readonly delay: number;
}

/** What it is told: to block its event loop for so many milliseconds or, with 0, to end. */
export interface Order {
  readonly blockFor: number;
}

/** What it tells. */
export type Report =
  | Message
  | Gap
  | { readonly type: "open" | "blocking" | "blocked" }
  | { readonly type: "state"; readonly state: State };

const SCRIPT = fileURLToPath(new URL("./child-subscriber.ts", import.meta.url));
/** How long it may take to end by itself, in milliseconds. */
const GRACE = 5000;

const running = new Set<ChildProcess>();

atExit(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** A subscriber in a process of its own, which may be suspended or blocked while the test goes on. */
export class SubscriberProcess implements AsyncDisposable {
  readonly ledger: Ledger = new Ledger();
  readonly gaps: Gap[] = [];
  /** The states it went through after it was open. */
  readonly states: State[] = [];
  readonly #child: ChildProcess;
  readonly #told: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.on("message", (report) => this.#hear(report as Report));
  }

  /** Starts it, and waits until it is subscribed. */
  static async start(setting: Setting): Promise<SubscriberProcess> {
    const process = new SubscriberProcess(fork(SCRIPT, [JSON.stringify(setting)], { execArgv: ["--import", "tsx"] }));
    try {
      await process.#tells("open");
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
    return process;
  }

  /** Waits until so many messages more have come. */
  async receives(count: number): Promise<void> {
    const before = this.ledger.received;
    await eventually(() => expect(this.ledger.received).toBeGreaterThanOrEqual(before + count), { timeout: 15_000 });
  }

  suspend(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  /** Blocks its event loop; resolves once it is blocked, to what resolves when it no longer is. */
  async block(milliseconds: number): Promise<{ readonly over: Promise<void> }> {
    this.#order({ blockFor: milliseconds });
    await this.#tells("blocking");
    return { over: this.#tells("blocked") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.#child, "exit");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE);
    this.wake();
    this.#order({ blockFor: 0 });
    await exited;
    clearTimeout(timer);
  }

  #order(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #tells(type: string): Promise<void> {
    const told = await eventually(
      () => {
        if (!this.#told.includes(type) && !this.#ended) throw new Error(`the subscriber does not say "${type}"`);
        return this.#told.includes(type);
      },
      { timeout: 15_000 },
    );
    if (!told) throw new Error(`the subscriber ended before it said "${type}"`);
  }

  #hear(report: Report): void {
    if (report.type === "gap") {
      this.gaps.push(report);
      this.ledger.recordGap(report);
    } else if (report.type === "state") this.states.push(report.state);
    else if (report.type === "message") this.ledger.record(report as ChannelMessage);
    else this.#told.push(report.type);
  }
}
