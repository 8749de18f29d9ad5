import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlClient } from "./control-client.ts";
import { freePort } from "./free-port.ts";
import { type ServerBinary, serverBinary } from "./server-binary.ts";
import {
  CONTROL_PASSWORD,
  CONTROL_USER,
  logPath,
  type ServerOptions,
  socketPath,
  writeConfig,
} from "./server-config.ts";
import { has } from "./server-features.ts";
import { ServerProcess } from "./server-process.ts";
import { removeDirectory, temporaryDirectory } from "./temporary-directory.ts";

/** How long a server may take from its start to its first PONG, in milliseconds. */
const START_LIMIT = 20_000;
/** How long a server may take to end by itself before it is killed. */
const END_GRACE = 5_000;
/** How long a server that is to return on its port waits for that port to be free again. */
const PORT_LIMIT = 10_000;

/** Thrown inside a start when somebody else was quicker to take the port. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
}

/** Starts a private server on loopback and waits until it answers. */
export async function startServer(options: ServerOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new RedisServer(options, options.port ?? (await freePort()));
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (!(error instanceof PortTakenError) || options.port !== undefined || attempt === 10) throw error;
    }
  }
}

/**
 * One server with a directory of its own. It keeps port, directory and configuration through `kill`, `shutdown`,
 * `start` and `restart`; `stop` is the end of it.
 *
 * The tests' own connections come through a Unix socket and as a user of their own: no TLS setting, password or limit
 * under test shuts them out.
 */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly host = "127.0.0.1";
  readonly binary: ServerBinary = serverBinary();
  /** The tests' own connection to this server. */
  readonly control: ControlClient;
  readonly #options: ServerOptions;
  readonly #directory: string = temporaryDirectory();
  readonly #controls: ControlClient[] = [];
  #process: ServerProcess | undefined;
  #frozen = false;

  /** Use {@link startServer}. */
  constructor(options: ServerOptions, port: number) {
    this.#options = options;
    this.port = port;
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(this.#directory, name), text);
    this.control = this.openControl();
  }

  get pid(): number {
    return this.#running().pid;
  }

  get alive(): boolean {
    return this.#process?.alive ?? false;
  }

  /** Whether it runs and is not frozen. */
  get answers(): boolean {
    return this.alive && !this.#frozen;
  }

  /** `redis://127.0.0.1:port`, with the password if there is one; `rediss://localhost:port` with TLS. */
  get url(): string {
    return this.urlAt(this.port);
  }

  /** The URL by which this server is reached at another port, such as that of a proxy. */
  urlAt(port: number): string {
    const { password, tls } = this.#options;
    const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
    return tls === undefined ? `redis://${login}${this.host}:${port}` : `rediss://${login}localhost:${port}`;
  }

  /** The path of the Unix socket on which the server listens as well. */
  get socketPath(): string {
    return socketPath(this.#directory);
  }

  /** What the server has logged so far, over all its starts. */
  get log(): string {
    const path = logPath(this.#directory);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** A further connection of the tests' own, closed with the server. `timeout` bounds each of its commands. */
  openControl(timeout?: number): ControlClient {
    const login = has("users", this.binary)
      ? { username: CONTROL_USER, password: CONTROL_PASSWORD }
      : { password: this.#options.password };
    const control = new ControlClient({ path: this.socketPath, timeout, ...login });
    this.#controls.push(control);
    return control;
  }

  /** Starts the server, which is down, on its port; resolves when it answers PING. */
  async start(): Promise<void> {
    if (this.alive) throw new Error("the server runs already");
    const end = performance.now() + PORT_LIMIT;
    const mayWait = this.#process !== undefined || this.#options.port !== undefined;
    for (;;) {
      try {
        await this.#launch();
        return;
      } catch (error) {
        if (!(error instanceof PortTakenError) || !mayWait || performance.now() > end) throw error;
      }
      await sleep(50);
    }
  }

  /** Ends the server, SIGTERM by default, and waits until it is gone; `start` brings it back. */
  async shutdown(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#process?.end(signal, END_GRACE);
    this.#frozen = false;
    await Promise.all(this.#controls.map((control) => control.disconnect()));
  }

  /** The server crashes: SIGKILL. `start` brings it back. */
  async kill(): Promise<void> {
    await this.shutdown("SIGKILL");
  }

  /** Ends the server, SIGTERM by default, and starts it again on the same port. */
  async restart({ signal = "SIGTERM" }: { readonly signal?: NodeJS.Signals | undefined } = {}): Promise<void> {
    await this.shutdown(signal);
    await this.start();
  }

  /** Stops the server where it stands; the kernel goes on accepting connections for it. */
  freeze(): void {
    this.#running().signal("SIGSTOP");
    this.#frozen = true;
  }

  /** Lets a frozen server go on. */
  thaw(): void {
    this.#running().signal("SIGCONT");
    this.#frozen = false;
  }

  /** Ends the server for good and removes its directory. */
  async stop(): Promise<void> {
    await this.shutdown();
    removeDirectory(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #running(): ServerProcess {
    if (!this.#process?.alive) throw new Error("the server is not running");
    return this.#process;
  }

  async #launch(): Promise<void> {
    const config = writeConfig(this.#directory, this.port, this.#options, this.binary);
    const logged = this.log.length;
    const process = await ServerProcess.start(this.binary.path, [config], this.#directory, logPath(this.#directory));
    this.#process = process;
    const end = performance.now() + START_LIMIT;
    for (;;) {
      const failure = await this.control.command("PING").then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!process.alive) throw this.#startFailure(this.log.slice(logged));
      if (failure === undefined) return;
      if (performance.now() > end) throw new Error("the server does not answer PING", { cause: failure });
      await sleep(5);
    }
  }

  #startFailure(log: string): Error {
    const taken = /Address already in use/i.test(log);
    const message = `${this.binary.path} ended at once on port ${this.port}; its log says:\n${log}`;
    return taken ? new PortTakenError(message) : new Error(message);
  }
}
