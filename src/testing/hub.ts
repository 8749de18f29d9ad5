import { matches } from "./glob.ts";
import { Keyspace } from "./keyspace.ts";
import type { Settings } from "./options.ts";
import type { Protocol, Reply } from "./reply.ts";

export type Kind = "channels" | "patterns" | "shardChannels";

/** One client, as commands see it. */
export interface Client {
  readonly hub: Hub;
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  /** In milliseconds of `Date.now()`. */
  readonly born: number;
  readonly names: Readonly<Record<Kind, Set<string>>>;
  /** How many channels and patterns are subscribed. */
  readonly count: number;
  /** Whether any name is subscribed, shard channels too. */
  readonly subscribed: boolean;
  /** The strings of the database that is selected. */
  readonly strings: Keyspace;
  protocol: Protocol;
  loggedIn: boolean;
  name: string;
  library: string;
  libraryVersion: string;
  database: number;
  lastCommand: string;
  /** Writes a reply or a message, or holds it while the server is silent. */
  send(reply: Reply): void;
  /** Goes on after a silence. */
  resume(): void;
  /** Sends what is written, and ends. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
  /** As it was when it was made. */
  reset(): void;
}

/** What the connections of a server share. Names are latin1 strings. */
export class Hub {
  readonly settings: Settings;
  readonly connections: Map<number, Client> = new Map<number, Client>();
  readonly databases: readonly Keyspace[] = Array.from({ length: 16 }, () => new Keyspace());
  /** The commands that arrived, as UTF-8. */
  readonly received: string[][] = [];
  /** Patterns of channel names that may not be subscribed, and commands that may not be run. */
  readonly deniedNames: Set<string> = new Set<string>();
  readonly deniedCommands: Set<string> = new Set<string>();
  silent = false;
  #lastId = 0;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** Sends a message to the subscribers of a channel and of the patterns that match; the number of receivers. */
  publish(channel: string, data: string): number {
    let count = 0;
    for (const connection of this.connections.values()) {
      if (!connection.names.channels.has(channel)) continue;
      connection.send({ push: ["message", channel, data] });
      count++;
    }
    for (const connection of this.connections.values()) {
      for (const pattern of connection.names.patterns) {
        if (!matches(pattern, channel)) continue;
        connection.send({ push: ["pmessage", pattern, channel, data] });
        count++;
      }
    }
    return count;
  }

  /** The same, to the subscribers of a shard channel. */
  publishShard(channel: string, data: string): number {
    const all = [...this.connections.values()].filter(({ names }) => names.shardChannels.has(channel));
    for (const connection of all) connection.send({ push: ["smessage", channel, data] });
    return all.length;
  }

  /** The names that are subscribed, each once. */
  subscribed(kind: Kind): Set<string> {
    return new Set([...this.connections.values()].flatMap(({ names }) => [...names[kind]]));
  }

  subscribers(kind: Kind, name: string): number {
    return [...this.connections.values()].filter(({ names }) => names[kind].has(name)).length;
  }

  /** A pattern is refused where it is spelled like a denied name, since it is no name itself; a channel where it matches. */
  denies(kind: Kind, name: string): boolean {
    if (this.deniedNames.has(name)) return true;
    return kind !== "patterns" && [...this.deniedNames].some((denied) => matches(denied, name));
  }

  /** From now on nothing is read or sent, until it is false again; then what was held goes on, in its order. */
  setSilent(silent: boolean): void {
    this.silent = silent;
    if (!silent) for (const connection of [...this.connections.values()]) connection.resume();
  }
}
