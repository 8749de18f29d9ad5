import { type AddressInfo, createServer, type Server } from "node:net";
import { Connection } from "./connection.ts";
import { TestServerError } from "./errors.ts";
import { Hub } from "./hub.ts";
import { type Settings, settingsOf, type TestServerOptions } from "./options.ts";

/** What `deny` of a {@link TestServer} refuses: a name, or a command such as `{ command: "PUBLISH" }` or `"CLIENT KILL"`. */
export type Denied = string | { readonly command: string };

/** Which connections `disconnect` cuts. */
export interface DisconnectOptions {
  /** Only those that have a subscription. Default: false, all. */
  readonly subscribers?: boolean | undefined;
}

/**
 * A server for tests. Its controls act at once, and need no `this`: `const { publish } = server` works. After `close`,
 * `publish`, `disconnect`, `silence` and `deny` throw a {@link TestServerError} with the code `CLOSED`; wrong arguments are one
 * with the code `INVALID_ARGUMENT`.
 */
export interface TestServer extends AsyncDisposable {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** `redis://127.0.0.1:port`, with the username and password where there are some. */
  readonly url: string;
  /**
   * Every command that arrived so far, in its order, those of a client's own (HELLO, CLIENT, PING) as well: its name as
   * the client wrote it and its arguments, as UTF-8. It grows while the server runs. What arrives in a silence is there too.
   */
  readonly received: readonly (readonly string[])[];
  /** Publishes as another client does. Returns the number of receivers: subscriptions of the channel, and of its patterns. */
  publish(this: void, channel: string | Uint8Array, data: string | Uint8Array): number;
  /** Cuts the connections of all clients at once. Clients may connect again. Returns how many were cut. */
  disconnect(this: void, options?: DisconnectOptions): number;
  /**
   * Stops answering and sending, while sockets stay open and new ones are accepted: a link that is mute. `false` lifts it; a
   * number lifts it after so many milliseconds. Default: `true`, until it is lifted. What is published, and what commands
   * arrive, is held and goes on in its order to connections that are still there; what a connection gave up before is lost
   * with it, which its client sees as a gap.
   */
  silence(this: void, silent?: boolean | number): void;
  /**
   * Refuses with NOPERM from now on. A string refuses subscriptions: to the channels and shard channels that it names or, as a
   * pattern, matches, and to the pattern of just this spelling. `{ command }` refuses a command, `"CLIENT KILL"` a
   * subcommand. What is subscribed already stays. Returns a function that allows these again.
   */
  deny(this: void, ...denied: readonly Denied[]): () => void;
  /** Ends all connections and the server; resolves when its port is free. May be called again. */
  close(this: void): Promise<void>;
}

/**
 * Starts a server for tests in this process, on 127.0.0.1. It speaks RESP2 and RESP3, Pub/Sub with patterns and shard channels,
 * CLIENT, and strings with expiry; it is no Redis: it keeps nothing, and has no cluster, TLS, Lua or transactions.
 * Rejects with a {@link TestServerError} with the code `INVALID_OPTION`; with Node's own error, such as `EADDRINUSE`, when it
 * cannot listen.
 */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const settings = settingsOf(options);
  const hub = new Hub(settings);
  const server = createServer((socket) => new Connection(hub, socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return controls(hub, server);
}

function controls(hub: Hub, server: Server): TestServer {
  const { port } = server.address() as AddressInfo;
  let timer: NodeJS.Timeout | undefined;
  let closed: Promise<void> | undefined;
  const mustBeOpen = (control: string): void => {
    if (closed === undefined) return;
    throw new TestServerError("CLOSED", `${control}: this server of tidings/testing is closed; start another one`);
  };
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      clearTimeout(timer);
      server.close(() => resolve());
      for (const connection of [...hub.connections.values()]) connection.destroy();
    });
    return closed;
  };
  return {
    port,
    url: urlOf(hub.settings, port),
    received: hub.received,
    publish(channel, data) {
      mustBeOpen("publish");
      return hub.publish(bytes(channel, "channel"), bytes(data, "data"));
    },
    disconnect({ subscribers = false } = {}) {
      mustBeOpen("disconnect");
      const cut = [...hub.connections.values()].filter(({ subscribed }) => !subscribers || subscribed);
      for (const connection of cut) connection.destroy();
      return cut.length;
    },
    silence(silent = true) {
      mustBeOpen("silence");
      const valid = typeof silent === "boolean" || (Number.isFinite(silent) && silent > 0 && silent < 2 ** 31);
      if (!valid) throw invalid("silence takes true, false, or the milliseconds that it lasts, more than 0");
      clearTimeout(timer);
      hub.setSilent(silent !== false);
      if (typeof silent === "number") timer = setTimeout(() => hub.setSilent(false), silent);
    },
    deny(...denied) {
      mustBeOpen("deny");
      return deny(hub, denied);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function deny({ deniedNames, deniedCommands }: Hub, denied: readonly Denied[]): () => void {
  if (denied.length === 0) throw invalid('deny takes names of channels, or commands such as { command: "PUBLISH" }');
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

function urlOf({ username, password }: Settings, port: number): string {
  const user = username === "default" ? "" : encodeURIComponent(username);
  return `redis://${password === undefined ? "" : `${user}:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
}

function bytes(value: unknown, what: string): string {
  if (typeof value === "string") return Buffer.from(value).toString("latin1");
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1");
  throw invalid(`${what} must be a string or bytes (Uint8Array)`);
}

function invalid(message: string): TestServerError {
  return new TestServerError("INVALID_ARGUMENT", message);
}
