import { type Commands, integer, NOT_AN_INTEGER } from "./command.ts";
import type { Client } from "./hub.ts";
import { failed, OK, type Reply } from "./reply.ts";

const NAME_ERROR = "ERR Client names cannot contain spaces, newlines or special characters.";

export const CONNECTION_COMMANDS: Commands = {
  ping: {
    args: [0, 1],
    run(connection, [text]) {
      if (connection.protocol === 2 && connection.subscribed) return ["pong", text ?? ""];
      return text ?? { simple: "PONG" };
    },
  },
  echo: { args: [1, 1], run: (_, [text = ""]) => text },
  quit: { args: [0], run: () => OK },
  reset: {
    args: [0, 0],
    run(connection) {
      connection.reset();
      return { simple: "RESET" };
    },
  },
  auth: {
    args: [1],
    run(connection, args) {
      if (args.length > 2) return failed("ERR syntax error");
      const { password } = connection.hub.settings;
      if (password === undefined && args.length === 1) {
        return failed(
          "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        );
      }
      const [username = "", given = ""] = args.length === 1 ? ["default", ...args] : args;
      return login(connection, username, given) ?? OK;
    },
  },
  hello: { args: [0], run: hello },
  select: {
    args: [1, 1],
    run(connection, [text]) {
      const index = integer(text);
      if (index === undefined) return failed(NOT_AN_INTEGER);
      if (index < 0 || index >= connection.hub.databases.length) return failed("ERR DB index is out of range");
      connection.database = Number(index);
      return OK;
    },
  },
  time: {
    args: [0, 0],
    run() {
      const now = Date.now();
      return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)];
    },
  },
  role: { args: [0, 0], run: () => ["master", 0, []] },
  info: {
    args: [0],
    run: ({ hub }) => ({
      verbatim: `# Server\r\nredis_version:${hub.settings.version}\r\nredis_mode:standalone\r\n\r\n# Clients\r\nconnected_clients:${hub.connections.size}\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n`,
    }),
  },
};

/** Whether a client may have this name, as servers see it. */
export function nameError(name: string): Reply | undefined {
  return /^[!-~]*$/.test(name) ? undefined : failed(NAME_ERROR);
}

function login(connection: Client, username: string, given: string): Reply | undefined {
  const { password, username: user } = connection.hub.settings;
  // A user without a password is let in with any.
  const right = password === undefined || bytes(password) === given;
  if (!right || bytes(user) !== username)
    return failed("WRONGPASS invalid username-password pair or user is disabled.");
  connection.loggedIn = true;
  return undefined;
}

function bytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function hello(connection: Client, [version, ...options]: readonly string[]): Reply {
  const { settings } = connection.hub;
  let protocol = connection.protocol;
  if (version !== undefined) {
    const wanted = integer(version);
    if (wanted === undefined) return failed("ERR Protocol version is not an integer or out of range");
    if (wanted !== 2n && wanted !== BigInt(settings.protocol)) return failed("NOPROTO unsupported protocol version");
    protocol = wanted === 2n ? 2 : 3;
  }
  let user: readonly [string, string] | undefined;
  let name: string | undefined;
  for (let at = 0; at < options.length; ) {
    const [option = "", one, two] = options.slice(at, at + 3);
    if (option.toLowerCase() === "auth" && one !== undefined && two !== undefined) {
      user = [one, two];
      at += 3;
    } else if (option.toLowerCase() === "setname" && one !== undefined) {
      const error = nameError(one);
      if (error !== undefined) return error;
      name = one;
      at += 2;
    } else {
      return failed(`ERR Syntax error in HELLO option '${option}'`);
    }
  }
  const refused = user && login(connection, ...user);
  if (refused !== undefined) return refused;
  if (!connection.loggedIn) {
    return failed(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
  }
  if (name !== undefined) connection.name = name;
  connection.protocol = protocol;
  return {
    map: [
      ["server", "redis"],
      ["version", settings.version],
      ["proto", protocol],
      ["id", connection.id],
      ["mode", "standalone"],
      ["role", "master"],
      ["modules", []],
    ],
  };
}
