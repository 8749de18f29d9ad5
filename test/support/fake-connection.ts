import type * as net from "node:net";
import { RespReader } from "./resp-reader.ts";
import { array, bulk, integer, nothing, push } from "./resp-writer.ts";

/** One command as it was received. */
export interface FakeCommand {
  /** The first word in upper case. */
  readonly name: string;
  /** The other words, as latin1, so that every byte survives. */
  readonly args: readonly string[];
  /** All words as bytes. */
  readonly words: readonly Buffer[];
  /** Which connection it came by. */
  readonly connection: number;
  /** When, in epoch milliseconds. */
  readonly at: number;
}

/** The three kinds of subscription, by the letter before (UN)SUBSCRIBE. */
export type SubscriptionKind = "" | "p" | "s";

/** One client of a fake server. Names are latin1, standing for their bytes. */
export class FakeConnection {
  readonly id: number;
  /** 2 until a HELLO says 3. */
  protocol: 2 | 3 = 2;
  readonly subscriptions: Readonly<Record<SubscriptionKind, Set<string>>> = {
    "": new Set(),
    p: new Set(),
    s: new Set(),
  };
  /** What was received, in order. */
  readonly commands: FakeCommand[] = [];
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;

  constructor(id: number, socket: net.Socket, receive: (command: FakeCommand) => void) {
    this.id = id;
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    const reader = new RespReader();
    socket.on("data", (chunk: Buffer) => {
      reader.feed(chunk);
      for (const value of reader.drain()) {
        if (!Array.isArray(value) || !value.every(Buffer.isBuffer)) throw new Error("a client sent no command");
        const command = this.#command(value);
        this.commands.push(command);
        receive(command);
      }
    });
    // A client that resets is an ordinary sight here.
    socket.on("error", () => {});
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** The number of subscriptions of all kinds. */
  get subscribed(): number {
    const { "": channels, p: patterns, s: shards } = this.subscriptions;
    return channels.size + patterns.size + shards.size;
  }

  /**
   * Sends bytes as they are: a frame, half of one, or none at all. A string stands for latin1 bytes. `written` is called when
   * the system has them.
   */
  write(bytes: string | Uint8Array, written?: (error?: Error | null) => void): void {
    this.#socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, written);
  }

  /** Sends a push, which in RESP2 is an array. */
  push(items: readonly (string | number | null | Uint8Array)[]): void {
    const frames = items.map((item) => {
      if (typeof item === "number") return integer(item);
      if (item === null) return this.protocol === 3 ? nothing() : bulk(null);
      return bulk(typeof item === "string" ? Buffer.from(item, "latin1") : item);
    });
    this.write(this.protocol === 3 ? push(frames) : array(frames));
  }

  /** Subscribes to each name, as the server would, and confirms it. */
  subscribe(kind: SubscriptionKind, names: readonly string[]): void {
    for (const name of names) {
      this.subscriptions[kind].add(name);
      this.push([`${kind}subscribe`, name, this.#count(kind)]);
    }
  }

  /** Unsubscribes each name, or with none all, and confirms it; also what a server does by itself in a migration. */
  unsubscribe(kind: SubscriptionKind, names: readonly string[] = []): void {
    const held = this.subscriptions[kind];
    const leaving = names.length > 0 ? names : [...held];
    for (const name of leaving) {
      held.delete(name);
      this.push([`${kind}unsubscribe`, name, this.#count(kind)]);
    }
    if (leaving.length === 0) this.push([`${kind}unsubscribe`, null, this.#count(kind)]);
  }

  /** Hangs up, after what was written. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Stops (or goes on) reading what the client sends. */
  pause(paused = true): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Shard channels have a count of their own. */
  #count(kind: SubscriptionKind): number {
    const { "": channels, p: patterns, s: shards } = this.subscriptions;
    return kind === "s" ? shards.size : channels.size + patterns.size;
  }

  #command(words: readonly Buffer[]): FakeCommand {
    const [name = "", ...args] = words.map((word) => word.toString("latin1"));
    return { name: name.toUpperCase(), args, words, connection: this.id, at: Date.now() };
  }
}
