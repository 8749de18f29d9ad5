import { type Commands, family, integer, SYNTAX } from "./command.ts";
import { nameError } from "./connection-commands.ts";
import type { Client } from "./hub.ts";
import { failed, OK, type Reply } from "./reply.ts";

const client: Commands = {
  id: { args: [0, 0], run: ({ id }) => id },
  getname: { args: [0, 0], run: ({ name }) => (name === "" ? null : name) },
  setname: {
    args: [1, 1],
    run(connection, [name = ""]) {
      const error = nameError(name);
      if (error === undefined) connection.name = name;
      return error ?? OK;
    },
  },
  setinfo: {
    args: [2, 2],
    run(connection, [option = "", value = ""]) {
      const key = option.toLowerCase();
      if (key !== "lib-name" && key !== "lib-ver") return failed(`ERR Unrecognized option '${option}'`);
      if (!/^[!-~]*$/.test(value)) {
        return failed(`ERR ${key} cannot contain spaces, newlines or special characters.`);
      }
      if (key === "lib-name") connection.library = value;
      else connection.libraryVersion = value;
      return OK;
    },
  },
  info: { args: [0, 0], run: (connection) => ({ verbatim: `${describe(connection)}\n` }) },
  list: {
    args: [0],
    run({ hub }, args) {
      const all = [...hub.connections.values()];
      if (args.length === 0) return text(all);
      const [option, ...values] = args;
      if (option?.toLowerCase() === "type" && values.length === 1) {
        const type = values[0]?.toLowerCase() ?? "";
        if (!isType(type)) return failed(`ERR Unknown client type '${values[0]}'`);
        return text(all.filter((other) => typeOf(other) === type));
      }
      if (option?.toLowerCase() === "id" && values.length > 0) {
        if (values.some((value) => integer(value) === undefined)) return failed("ERR Invalid client ID");
        return text(all.filter(({ id }) => values.includes(String(id))));
      }
      return failed(SYNTAX);
    },
  },
  kill: { args: [1], run: kill },
  "no-evict": { args: [1, 1], run: (_, [word]) => onOff(word) },
  "no-touch": { args: [1, 1], run: (_, [word]) => onOff(word) },
};

export const CLIENT_COMMANDS: Commands = { client: family(client) };

function onOff(word: string | undefined): Reply {
  return /^(on|off)$/i.test(word ?? "") ? OK : failed(SYNTAX);
}

/** `CLIENT KILL addr`, or filters that must all be met. */
function kill(connection: Client, args: readonly string[]): Reply | undefined {
  const { hub } = connection;
  if (args.length === 1) {
    const found = [...hub.connections.values()].find(({ address }) => address === args[0]);
    if (found === undefined) return failed("ERR No such client");
    end(connection, [found], OK);
    return undefined;
  }
  let skipMe = true;
  let found = [...hub.connections.values()];
  for (let at = 0; at < args.length; at += 2) {
    const [filter = "", value] = [args[at]?.toLowerCase(), args[at + 1]];
    if (value === undefined) return failed(SYNTAX);
    if (filter === "id") {
      const id = integer(value);
      if (id === undefined || id < 1) return failed("ERR client-id should be greater than 0");
      found = found.filter((other) => BigInt(other.id) === id);
    } else if (filter === "type") {
      if (!isType(value.toLowerCase())) return failed(`ERR Unknown client type '${value}'`);
      found = found.filter((other) => typeOf(other) === value.toLowerCase());
    } else if (filter === "addr") found = found.filter(({ address }) => address === value);
    else if (filter === "laddr") found = found.filter(({ localAddress }) => localAddress === value);
    else if (filter === "user") {
      if (value !== hub.settings.username) return failed(`ERR No such user '${value}'`);
      found = found.filter(({ loggedIn }) => loggedIn);
    } else if (filter === "skipme" && /^(yes|no)$/i.test(value)) skipMe = value.toLowerCase() === "yes";
    else return failed(SYNTAX);
  }
  if (skipMe) found = found.filter((other) => other !== connection);
  end(connection, found, found.length);
  return undefined;
}

/** Kills connections; one that kills itself is answered first. */
function end(connection: Client, found: readonly Client[], reply: Reply): void {
  for (const other of found) if (other !== connection) other.destroy();
  connection.send(reply);
  if (found.includes(connection)) connection.end();
}

function isType(type: string): boolean {
  return /^(normal|pubsub|master|primary|replica|slave)$/.test(type);
}

function typeOf(connection: Client): string {
  return connection.subscribed ? "pubsub" : "normal";
}

function text(connections: readonly Client[]): Reply {
  return { verbatim: connections.map((connection) => `${describe(connection)}\n`).join("") };
}

function describe(connection: Client): string {
  const { names, hub } = connection;
  const fields = {
    id: connection.id,
    addr: connection.address,
    laddr: connection.localAddress,
    fd: connection.id + 7,
    name: connection.name,
    age: Math.floor((Date.now() - connection.born) / 1000),
    idle: 0,
    flags: connection.subscribed ? "P" : "N",
    db: connection.database,
    sub: names.channels.size,
    psub: names.patterns.size,
    ssub: names.shardChannels.size,
    multi: -1,
    watch: 0,
    "tot-mem": 0,
    omem: 0,
    cmd: connection.lastCommand,
    user: hub.settings.username,
    redir: -1,
    resp: connection.protocol,
    "lib-name": connection.library,
    "lib-ver": connection.libraryVersion,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
