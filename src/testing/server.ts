import { type AddressInfo, createServer, type Server } from "node:net";
import { Connection } from "./connection.ts";
import { TestServerError } from "./errors.ts";
import { Hub } from "./hub.ts";
import { type Settings, settingsOf, type TestServerOptions } from "./options.ts";

/** What {@link TestServer.deny} refuses: a name, or a command such as `{ command: "PUBLISH" }` or `"CLIENT KILL"`. */
export type Denied = string | { readonly command: string };

/**
 * Starts a server for tests in this process, on 127.0.0.1. It speaks RESP2 and RESP3, Pub/Sub with patterns and shard channels,
 * CLIENT, and strings with expiry; it is no Redis: it keeps nothing, and has no cluster, TLS, Lua or transactions.
 * Throws a {@link TestServerError} with the code `INVALID_OPTION`; rejects with Node's own error, such as
 * `EADDRINUSE`, when it cannot listen.
 */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const settings = settingsOf(options);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return new TestServer(settings, server);
}

/**
 * A server for tests. Its controls act at once. After `close` each of them throws a {@link TestServerError} with the code
 * `CLOSED`, but `close`, `url`, `port` and `received`.
 */
export class TestServer implements AsyncDisposable {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** `redis://127.0.0.1:port`, with the username and password where there are some. */
  readonly url: string;
  readonly #hub: Hub;
  readonly #server: Server;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;

  /** @internal Use {@link startServer}. */
  constructor(settings: Settings, server: Server) {
    this.#hub = new Hub(settings);
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    const { username, password } = settings;
    const user = username === "default" ? "" : encodeURIComponent(username);
    this.url = `redis://${password === undefined ? "" : `${user}:${encodeURIComponent(password)}@`}127.0.0.1:${this.port}`;
    server.on("connection", (socket) => new Connection(this.#hub, socket));
  }

  /**
   * Every command that arrived so far, in its order, those of the library's own (HELLO, CLIENT, PING) as well: its name as
   * the client wrote it and its arguments, as UTF-8. A copy. What arrives in a silence is there too.
   */
  get received(): string[][] {
    return this.#hub.received.map((words) => [...words]);
  }

  /** Publishes as another client does. Returns the number of receivers: channels' and patterns' subscriptions. */
  publish(channel: string | Uint8Array, data: string | Uint8Array): number {
    this.#mustBeOpen("publish");
    return this.#hub.publish(bytes(channel, "channel"), bytes(data, "data"));
  }

  /**
   * Cuts the connections of all clients at once; with `{ subscribers: true }` only of those that have a subscription.
   * Clients may connect again. Returns how many were cut.
   */
  disconnect({ subscribers = false }: { readonly subscribers?: boolean | undefined } = {}): number {
    this.#mustBeOpen("disconnect");
    const cut = [...this.#hub.connections.values()].filter(({ subscribed }) => !subscribers || subscribed);
    for (const connection of cut) connection.destroy();
    return cut.length;
  }

  /**
   * Stops answering and sending, while sockets stay open and new ones are accepted: a link that is mute. `false` lifts it; a
   * number lifts it after so many milliseconds. Default: `true`, until it is lifted. What is published, and what commands
   * arrive, is held and goes on in its order to connections that are still there; what a connection gave up before is lost
   * with it, which its client sees as a gap.
   */
  silence(silent: boolean | number = true): void {
    this.#mustBeOpen("silence");
    const valid = typeof silent === "boolean" || (Number.isFinite(silent) && silent > 0 && silent < 2 ** 31);
    if (!valid) throw invalid("silence takes true, false, or the milliseconds that it lasts, more than 0");
    clearTimeout(this.#timer);
    this.#hub.setSilent(silent !== false);
    if (typeof silent === "number") this.#timer = setTimeout(() => this.#hub.setSilent(false), silent);
  }

  /**
   * Refuses with NOPERM from now on. A string refuses subscriptions: to the channels and shard channels that it names or, as a
   * pattern, matches, and to the pattern of just this spelling. `{ command }` refuses a command, `"CLIENT KILL"` a
   * subcommand. What is subscribed already stays. Returns a function that allows these again.
   */
  deny(...denied: readonly Denied[]): () => void {
    this.#mustBeOpen("deny");
    if (denied.length === 0) throw invalid('deny takes names of channels, or commands such as { command: "PUBLISH" }');
    const { deniedNames, deniedCommands } = this.#hub;
    const added = denied.map((one): readonly [Set<string>, string] => {
      if (typeof one !== "object" || one === null) return [deniedNames, bytes(one, "a name to deny")];
      if (typeof one.command !== "string") throw invalid('deny takes a command as { command: "PUBLISH" }');
      return [deniedCommands, one.command.trim().toLowerCase().replace(/\s+/, "|")];
    });
    for (const [set, name] of added) set.add(name);
    return () => {
      for (const [set, name] of added) set.delete(name);
    };
  }

  /** Ends all connections and the server; resolves when its port is free. May be called again. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      clearTimeout(this.#timer);
      this.#server.close(() => resolve());
      for (const connection of [...this.#hub.connections.values()]) connection.destroy();
    });
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(control: string): void {
    if (this.#closed === undefined) return;
    throw new TestServerError("CLOSED", `${control}: this server of tidings/testing is closed; start another one`);
  }
}

function bytes(value: unknown, what: string): string {
  if (typeof value === "string") return Buffer.from(value).toString("latin1");
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1");
  throw invalid(`${what} must be a string or bytes (Uint8Array)`);
}

function invalid(message: string): TestServerError {
  return new TestServerError("INVALID_ARGUMENT", message);
}
