import type { Connection } from "./connection.ts";
import { matches } from "./glob.ts";
import { Keyspace } from "./keyspace.ts";
import type { Settings } from "./options.ts";

export type Kind = "channels" | "patterns" | "shardChannels";

/** What the connections of a server share. Names are latin1 strings. */
export class Hub {
  readonly settings: Settings;
  readonly connections = new Map<number, Connection>();
  readonly databases: readonly Keyspace[] = Array.from({ length: 16 }, () => new Keyspace());
  /** The commands that arrived, as UTF-8. */
  readonly received: string[][] = [];
  /** Patterns of channel names that may not be subscribed, and commands that may not be run. */
  readonly deniedNames = new Set<string>();
  readonly deniedCommands = new Set<string>();
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
