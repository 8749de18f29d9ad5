import * as net from "node:net";
import { DeadlineError, deadline } from "./eventually.ts";
import { defaultHandlers, type FakeHandler } from "./fake-commands.ts";
import { type FakeCommand, FakeConnection } from "./fake-connection.ts";

export interface FakeServerOptions {
  /** Handlers by command name, in place of the defaults. */
  readonly handlers?: Readonly<Record<string, FakeHandler>> | undefined;
  /** Called with each new connection, before it has sent anything. */
  readonly onConnection?: ((connection: FakeConnection) => void) | undefined;
}

/** How long `stop` waits for clients to close their sockets before it calls them leaked. */
const LEAK_GRACE = 2_000;

/** Starts a fake server on a free loopback port. */
export async function startFakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const server = new FakeServer(options);
  await server.listen();
  return server;
}

/**
 * A scripted server, for what a real one cannot be made to do. By default it does what Redis does, as far as Pub/Sub
 * clients ask for it; `handle` changes the answer to one command, `connection.write` says anything at any time.
 */
export class FakeServer implements AsyncDisposable {
  readonly host = "127.0.0.1";
  /** Every command received, over all connections, in order. */
  readonly commands: FakeCommand[] = [];
  /** Every connection there was, in order. */
  readonly accepted: FakeConnection[] = [];
  readonly #onConnection: FakeServerOptions["onConnection"];
  readonly #handlers = new Map<string, FakeHandler>();
  readonly #defaults: ReadonlyMap<string, FakeHandler>;
  readonly #listener: net.Server;
  #port = 0;

  /** Use {@link startFakeServer}. */
  constructor({ handlers = {}, onConnection }: FakeServerOptions) {
    this.#onConnection = onConnection;
    this.#defaults = defaultHandlers((channel, payload, kind) => this.publish(channel, payload, kind));
    for (const [name, handler] of Object.entries(handlers)) this.handle(name, handler);
    this.#listener = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `redis://${this.host}:${this.#port}`;
  }

  /** The connections open now, oldest first. */
  get connections(): FakeConnection[] {
    return this.accepted.filter(({ open }) => open);
  }

  /** The connection accepted last. */
  get latest(): FakeConnection {
    const connection = this.accepted.at(-1);
    if (connection === undefined) throw new Error("nobody has connected");
    return connection;
  }

  /** Starts to listen; a second call takes the same port as the first. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen(this.#port, this.host, () => {
        this.#listener.off("error", reject);
        resolve();
      });
    });
    this.#port = (this.#listener.address() as net.AddressInfo).port;
  }

  /** Answers a command by `handler` from now on, or as by default with `undefined`. */
  handle(name: string, handler: FakeHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(name.toUpperCase());
    else this.#handlers.set(name.toUpperCase(), handler);
  }

  /** Answers a command as by default; for handlers that only meddle at times. */
  respond(command: FakeCommand, connection: FakeConnection): void {
    const handler = this.#defaults.get(command.name);
    if (handler === undefined)
      connection.write(`-ERR unknown command '${command.name}', with args beginning with: \r\n`);
    else handler(command, connection);
  }

  /** The names of the commands received, for a short comparison. */
  received(): string[] {
    return this.commands.map(({ name }) => name);
  }

  /**
   * Delivers a message to the subscribers of its channel and, unless sharded, of patterns that match; counts them. The
   * channel is latin1, as all names here; the payload is text or bytes.
   */
  publish(channel: string, payload: string | Uint8Array, kind: "" | "s" = ""): number {
    const bytes = Buffer.from(payload);
    let receivers = 0;
    for (const connection of this.connections) {
      if (connection.subscriptions[kind].has(channel)) {
        connection.push([`${kind}message`, channel, bytes]);
        receivers += 1;
      }
      for (const pattern of kind === "" ? connection.subscriptions.p : []) {
        if (!globMatches(pattern, channel)) continue;
        connection.push(["pmessage", pattern, channel, bytes]);
        receivers += 1;
      }
    }
    return receivers;
  }

  /** Stops listening. Unless `allowOpen`, throws when clients have not closed all their sockets within two seconds. */
  async stop({ allowOpen = false }: { readonly allowOpen?: boolean | undefined } = {}): Promise<void> {
    this.#listener.close();
    const open = this.connections;
    let leaked = 0;
    if (!allowOpen) {
      const closed = Promise.all(open.map((connection) => connection.closed));
      await deadline(closed, LEAK_GRACE, "clients to close").catch((error: unknown) => {
        if (!(error instanceof DeadlineError)) throw error;
        leaked = this.connections.length;
      });
    }
    for (const connection of this.connections) connection.reset();
    await Promise.all(open.map((connection) => connection.closed));
    if (leaked > 0) throw new Error(`${leaked} connection(s) to the fake server were left open`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #accept(socket: net.Socket): void {
    const connection = new FakeConnection(this.accepted.length, socket, (command) => {
      this.commands.push(command);
      const handler = this.#handlers.get(command.name);
      if (handler === undefined) this.respond(command, connection);
      else handler(command, connection);
    });
    this.accepted.push(connection);
    this.#onConnection?.(connection);
  }
}

/** The `*` and `?` of Redis patterns; sets and escapes are left to real servers. */
function globMatches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  return new RegExp(`^${source}$`).test(name);
}
