import * as net from "node:net";
import { deadline } from "./eventually.ts";
import { RespError, RespPush, RespReader, type RespValue, type TextValue, text } from "./resp-reader.ts";
import { command as encode, type Word } from "./resp-writer.ts";

/** Where a {@link ControlClient} dials, and as whom. */
export interface ControlOptions {
  /** A loopback port or, with `path`, none. */
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  /** A Unix socket, instead of a port. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** How long one command may take, in milliseconds. Default 10,000. */
  readonly timeout?: number | undefined;
}

interface Pending {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A bare client for the tests' own questions and publishes. It shares no line with the library, so that a fault there
 * cannot hide itself.
 *
 * It dials when first asked, and again after a connection was lost; it repeats nothing: a command whose reply was lost
 * rejects.
 */
export class ControlClient implements AsyncDisposable {
  readonly #options: ControlOptions;
  #connection: Connection | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Sends a command and gives its reply with bulk strings as text. An error reply rejects with a {@link RespError}. */
  async command(...words: Word[]): Promise<TextValue> {
    return text(await this.raw(...words));
  }

  /** As `command`, with bulk strings as bytes. */
  async raw(...words: Word[]): Promise<RespValue> {
    if (this.#connection === undefined || this.#connection.lost) this.#connection = this.#dial();
    const connection = this.#connection;
    const { timeout = 10_000 } = this.#options;
    // A stack from here: that of an error born in a socket's event names no test.
    const trace = new Error(`${String(words[0])} had no reply`);
    const reply = await deadline(connection.send(words), timeout, "a reply").catch((cause: unknown) => {
      // The reply of a command that timed out would be taken for that of the next one.
      connection.destroy();
      trace.cause = cause;
      throw trace;
    });
    if (reply instanceof RespError) throw reply;
    return reply;
  }

  /** Drops the connection; the next command dials anew. */
  async disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
    await connection?.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  #dial(): Connection {
    const { path, port = 6379, host = "127.0.0.1", username = "default", password } = this.#options;
    const connection = new Connection(path === undefined ? { port, host, noDelay: true } : { path });
    // Not awaited: what follows is in order, and is refused by the server itself if this is.
    if (password !== undefined) connection.send(["AUTH", username, password]).catch(() => {});
    return connection;
  }
}

/** One socket, one life, replies in the order of the commands. */
class Connection {
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  readonly #reader = new RespReader();
  readonly #pending: Pending[] = [];
  #failure: Error | undefined;

  constructor(options: net.NetConnectOpts) {
    this.#socket = net.connect(options);
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (error) => {
      this.#failure = error;
    });
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.#failure ??= new Error("the control connection was closed");
        for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
        resolve();
      });
    });
  }

  get lost(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded;
  }

  send(words: readonly Word[]): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#socket.write(encode(words));
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#reader.feed(chunk);
    for (const value of this.#reader.drain()) {
      // Client tracking and the like may push; no test reads that here.
      if (!(value instanceof RespPush)) this.#pending.shift()?.resolve(value);
    }
  }
}
