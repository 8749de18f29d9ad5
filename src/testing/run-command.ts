import { CLIENT_COMMANDS } from "./client-commands.ts";
import type { Command, Commands } from "./command.ts";
import { CONNECTION_COMMANDS } from "./connection-commands.ts";
import { WHAT_IT_IS } from "./errors.ts";
import type { Client } from "./hub.ts";
import { PUBSUB_COMMANDS } from "./pubsub-commands.ts";
import { failed, type Reply } from "./reply.ts";
import { STRING_COMMANDS } from "./string-commands.ts";

const COMMANDS: Commands = { ...CONNECTION_COMMANDS, ...CLIENT_COMMANDS, ...PUBSUB_COMMANDS, ...STRING_COMMANDS };
const ALLOWED_IN_RESP2 = /^([ps]?(un)?subscribe|ping|quit|reset)$/;
const BEFORE_LOGIN = /^(auth|hello|quit|reset)$/;

/** Runs one command; undefined when it has written its replies itself. */
export function runCommand(connection: Client, words: readonly string[]): Reply | undefined {
  const [given = "", ...args] = words;
  const name = given.toLowerCase();
  const found = find(COMMANDS, name);
  if (found === undefined) return unknownCommand(given, args);
  const [command, full, rest] = found.subcommands === undefined ? [found, name, args] : subcommand(found, name, args);
  if (command === undefined) {
    return args.length === 0
      ? wrongArity(name)
      : failed(`ERR unknown subcommand '${args[0]?.slice(0, 128)}'. Try ${name.toUpperCase()} HELP.`);
  }
  const [least, most = Number.POSITIVE_INFINITY] = command.args;
  if (rest.length < least || rest.length > most) return wrongArity(full);
  if (!connection.loggedIn && !BEFORE_LOGIN.test(name)) return failed("NOAUTH Authentication required.");
  const { deniedCommands } = connection.hub;
  if (deniedCommands.has(name) || deniedCommands.has(full)) {
    return failed(`NOPERM User ${connection.hub.settings.username} has no permissions to run the '${full}' command`);
  }
  if (connection.protocol === 2 && connection.subscribed && !ALLOWED_IN_RESP2.test(name)) {
    return failed(
      `ERR Can't execute '${full}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    );
  }
  connection.lastCommand = full;
  return command.run(connection, rest);
}

function find(commands: Commands, name: string): Command | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined;
}

function subcommand(
  { subcommands = {} }: Command,
  name: string,
  [given = "", ...args]: readonly string[],
): [Command | undefined, string, readonly string[]] {
  const sub = given.toLowerCase();
  return [find(subcommands, sub), `${name}|${sub}`, args];
}

function wrongArity(name: string): Reply {
  return failed(`ERR wrong number of arguments for '${name}' command`);
}

/** As a server says it, and that this is the testing server. */
function unknownCommand(given: string, args: readonly string[]): Reply {
  let list = "";
  for (const arg of args) {
    if (list.length >= 128) break;
    list += `'${arg.slice(0, 128 - list.length)}' `;
  }
  // The echo of the arguments is last: clients cut it off, since it may hold a secret, with all that follows.
  return failed(`ERR unknown command '${given.slice(0, 128)}' (${WHAT_IT_IS}), with args beginning with: ${list}`);
}
