import { type Command, type Commands, family } from "./command.ts";
import { matches } from "./glob.ts";
import type { Client, Kind } from "./hub.ts";
import { failed } from "./reply.ts";

const REFUSED = "NOPERM No permissions to access a channel";

const pubsub: Commands = {
  channels: listing("channels"),
  shardchannels: listing("shardChannels"),
  numpat: { args: [0, 0], run: ({ hub }) => hub.subscribed("patterns").size },
  numsub: { args: [0], run: ({ hub }, args) => args.flatMap((name) => [name, hub.subscribers("channels", name)]) },
  shardnumsub: {
    args: [0],
    run: ({ hub }, args) => args.flatMap((name) => [name, hub.subscribers("shardChannels", name)]),
  },
};

export const PUBSUB_COMMANDS: Commands = {
  subscribe: subscribing("channels", "subscribe"),
  psubscribe: subscribing("patterns", "psubscribe"),
  ssubscribe: subscribing("shardChannels", "ssubscribe"),
  unsubscribe: unsubscribing("channels", "unsubscribe"),
  punsubscribe: unsubscribing("patterns", "punsubscribe"),
  sunsubscribe: unsubscribing("shardChannels", "sunsubscribe"),
  publish: { args: [2, 2], run: ({ hub }, [channel = "", data = ""]) => hub.publish(channel, data) },
  spublish: { args: [2, 2], run: ({ hub }, [channel = "", data = ""]) => hub.publishShard(channel, data) },
  pubsub: family(pubsub),
};

function subscribing(kind: Kind, verb: string): Command {
  return {
    args: [1],
    run(connection, args) {
      // One name that is refused refuses all of its command, as in a server.
      if (args.some((name) => connection.hub.denies(kind, name))) return failed(REFUSED);
      for (const name of args) {
        connection.names[kind].add(name);
        confirm(connection, kind, verb, name);
      }
      return undefined;
    },
  };
}

function unsubscribing(kind: Kind, verb: string): Command {
  return {
    args: [0],
    run(connection, args) {
      const wanted = args.length > 0 ? args : [...connection.names[kind]];
      if (wanted.length === 0) confirm(connection, kind, verb, null);
      for (const name of wanted) {
        connection.names[kind].delete(name);
        confirm(connection, kind, verb, name);
      }
      return undefined;
    },
  };
}

function confirm(connection: Client, kind: Kind, verb: string, name: string | null): void {
  const count = kind === "shardChannels" ? connection.names.shardChannels.size : connection.count;
  connection.send({ push: [verb, name, count] });
}

function listing(kind: "channels" | "shardChannels"): Command {
  return {
    args: [0],
    run({ hub }, args) {
      if (args.length > 1) {
        const name = kind === "channels" ? "CHANNELS" : "SHARDCHANNELS";
        return failed(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try PUBSUB HELP.`);
      }
      const all = [...hub.subscribed(kind)];
      const [pattern] = args;
      return pattern === undefined ? all : all.filter((name) => matches(pattern, name));
    },
  };
}
