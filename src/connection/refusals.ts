import { ArgumentError, ClusterError, ServerError } from "../errors.ts";

/**
 * Whether another attempt with the same settings is pointless: the login was refused, or the database, or no node is a
 * cluster's. Repeated attempts would be a storm, so the error goes to the user instead.
 */
export function isTerminal(error: unknown): boolean {
  if (error instanceof ArgumentError) return true;
  if (error instanceof ClusterError) return isTerminal(error.cause);
  if (error instanceof AggregateError) return error.errors.every(isTerminal);
  if (!(error instanceof ServerError)) return false;
  if (isLoginCode(error)) return true;
  return whereRefusalsStay.has(error.command) && !isPassing(error);
}

/** A server that refuses these (CLUSTER: it is none) will do so the next time. */
const whereRefusalsStay: ReadonlySet<string | null> = new Set(["AUTH", "SELECT", "CLUSTER"]);

/** Whether the login was refused; with other credentials it may be accepted. */
export function isRefusedLogin(error: unknown): error is ServerError {
  if (!(error instanceof ServerError)) return false;
  return isLoginCode(error) || (error.command === "AUTH" && !isPassing(error));
}

function isLoginCode({ code }: ServerError): boolean {
  return code === "WRONGPASS" || code === "NOAUTH";
}

/** Errors of a server that is up and will be ready later. */
export function isPassing(error: ServerError): boolean {
  return passing.has(error.code) || isTurnedAway(error);
}

/** A server with as many clients as it takes says so, unasked, in place of the first answer, and hangs up. */
export function isTurnedAway(error: unknown): error is ServerError {
  return error instanceof ServerError && error.message.includes("max number of clients");
}

const passing: ReadonlySet<string> = new Set(["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]);

/** The codes of the protocol: they decide whether another attempt is made. */
export const protocolCodes: ReadonlySet<string> = new Set([
  "ERR",
  "WRONGPASS",
  "NOAUTH",
  "NOPERM",
  "NOPROTO",
  ...passing,
]);

/** The refusal as the client of a single server reports it: a server that redirects is a node of a cluster. */
export function withClusterAdvice(error: unknown): unknown {
  if (!(error instanceof ServerError) || !["MOVED", "ASK", "CROSSSLOT"].includes(error.code)) return error;
  const advice = "The server is a node of a cluster: use RedisCluster.";
  return new ServerError(`${error.message}. ${advice}`, error.command, error.names);
}

/** Whether a server that refused a subscription will do so again: the user may not, or the server does not know how. */
export function isLasting(error: ServerError): boolean {
  return error.code === "NOPERM" || isUnknownCommand(error);
}

function isUnknownCommand({ message }: ServerError): boolean {
  return /^(?:ERR )?(?:unknown|unsupported)\b[^']*\b(?:sub)?command\b/i.test(message);
}

/** Since which version of Redis there is a command; every Valkey has them. */
const since: readonly (readonly [command: RegExp, version: string])[] = [
  [/^(?:SSUBSCRIBE|SUNSUBSCRIBE|SPUBLISH)$/, "7.0"],
  [/^PUBSUB SHARD/, "7.0"],
  [/^HELLO$/, "6.0"],
];

/** The refusal of a command. If the server does not know the command, the message names the version that has it. */
export function refusalOf(error: ServerError, command: string): ServerError {
  if (!isUnknownCommand(error)) return error.about(command);
  // The server's words name the subcommand.
  const subcommand = command === "PUBSUB" ? / '?(SHARD[A-Z]+)/i.exec(error.message)?.[1]?.toUpperCase() : undefined;
  const name = subcommand === undefined ? command : `${command} ${subcommand}`;
  const version = since.find(([pattern]) => pattern.test(name))?.[1];
  if (version === undefined) return error.about(command);
  const advice = `${name} needs Redis ${version} or newer, or Valkey.`;
  return new ServerError(`${error.message.replace(/[.,\s]*$/, "")}. ${advice}`, command, error.names);
}
