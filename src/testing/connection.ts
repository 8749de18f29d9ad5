import type { Socket } from "node:net";
import type { Client, Hub, Kind } from "./hub.ts";
import type { Keyspace } from "./keyspace.ts";
import { encode, failed, type Protocol, type Reply } from "./reply.ts";
import { RequestError, RequestReader } from "./request-reader.ts";
import { runCommand } from "./run-command.ts";

/** One client. */
export class Connection implements Client {
  readonly id: number;
  readonly hub: Hub;
  readonly address: string;
  readonly localAddress: string;
  readonly born: number = Date.now();
  readonly names: Record<Kind, Set<string>> = { channels: new Set(), patterns: new Set(), shardChannels: new Set() };
  protocol: Protocol = 2;
  loggedIn: boolean;
  name = "";
  library = "";
  libraryVersion = "";
  database = 0;
  lastCommand = "NULL";
  readonly #socket: Socket;
  readonly #reader = new RequestReader();
  #waiting: string[][] = [];
  #held = "";
  #broken: string | undefined;
  #ending = false;

  constructor(hub: Hub, socket: Socket) {
    this.hub = hub;
    this.id = hub.nextId();
    this.address = `${socket.remoteAddress}:${socket.remotePort}`;
    this.localAddress = `${socket.localAddress}:${socket.localPort}`;
    this.loggedIn = hub.settings.password === undefined;
    this.#socket = socket;
    hub.connections.set(this.id, this);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#receive(chunk));
    // A reset by the client is no error of the server's.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#forget());
  }

  get strings(): Keyspace {
    return this.hub.databases[this.database] as Keyspace;
  }

  get count(): number {
    return this.names.channels.size + this.names.patterns.size;
  }

  get subscribed(): boolean {
    return this.count + this.names.shardChannels.size > 0;
  }

  send(reply: Reply): void {
    if (this.#ending) return;
    const bytes = encode(reply, this.protocol);
    if (this.hub.silent) this.#held += bytes;
    else this.#socket.write(bytes, "latin1");
  }

  resume(): void {
    if (this.#held !== "") this.#socket.write(this.#held, "latin1");
    this.#held = "";
    this.#run();
  }

  end(): void {
    this.#ending = true;
    this.#forget();
    this.#socket.end();
  }

  destroy(): void {
    this.#ending = true;
    this.#forget();
    this.#socket.destroy();
  }

  reset(): void {
    for (const names of Object.values(this.names)) names.clear();
    this.protocol = 2;
    this.database = 0;
    this.name = "";
    this.loggedIn = this.hub.settings.password === undefined;
  }

  #receive(chunk: Buffer): void {
    if (this.#ending || this.#broken !== undefined) return;
    try {
      this.#reader.add(chunk);
      for (let words = this.#reader.next(); words !== undefined; words = this.#reader.next()) {
        if (words.length === 0) continue;
        this.#waiting.push(words);
        this.hub.received.push(words.map((word) => Buffer.from(word, "latin1").toString()));
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#broken = error.message;
    }
    this.#run();
  }

  #run(): void {
    if (this.hub.silent) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, words] of waiting.entries()) {
      if (this.#ending) return;
      // A silence may begin between two commands.
      if (this.hub.silent) {
        this.#waiting = waiting.slice(index);
        return;
      }
      const reply = runCommand(this, words);
      if (reply !== undefined) this.send(reply);
      if (words[0]?.toLowerCase() === "quit") this.end();
    }
    if (this.#broken !== undefined && !this.#ending) {
      this.send(failed(this.#broken));
      this.end();
    }
  }

  #forget(): void {
    this.hub.connections.delete(this.id);
  }
}
