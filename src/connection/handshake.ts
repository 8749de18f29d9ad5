import { ArgumentError, ClusterError, ServerError } from "../errors.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { version } from "../version.ts";
import type { ConnectionSettings, Credentials } from "./settings.ts";

/** What the handshake needs of a connection. */
interface Line {
  readonly settings: ConnectionSettings;
  readonly role: { heard(hello: Reply): void };
  command(args: readonly Argument[]): Promise<Reply>;
}

/**
 * Makes a fresh socket ready: HELLO with AUTH and SETNAME, or, where the server knows no HELLO or denies it, AUTH and
 * CLIENT SETNAME in RESP2; then SELECT, and CLIENT SETINFO, whose error (before 7.2) is nobody's concern. Resolves to
 * the protocol in force. Rejects with the `ServerError` that stopped it, the password cut out should it echo it.
 */
export async function shakeHands(line: Line, login: Credentials): Promise<2 | 3> {
  try {
    const protocol = line.settings.protocol === 3 && (await hello(line, login)) ? 3 : 2;
    if (protocol === 2) await logIn(line, login);
    await introduce(line);
    if (protocol === 2) await proveLogin(line);
    return protocol;
  } catch (error) {
    throw withoutSecret(error, login.password);
  }
}

/**
 * Whether another attempt with the same settings is pointless: the login was refused, or the database, or no node is a
 * cluster's. A loop on these would be a storm, so somebody must be told instead.
 */
export function isTerminal(error: unknown): boolean {
  if (error instanceof ArgumentError) return true;
  if (error instanceof ClusterError) return isTerminal(error.cause);
  if (error instanceof AggregateError) return error.errors.every(isTerminal);
  if (!(error instanceof ServerError)) return false;
  if (error.code === "WRONGPASS" || error.code === "NOAUTH") return true;
  return whereRefusalsStay.has(error.command) && !isPassing(error);
}

/** A server that refuses these (CLUSTER: it is none) will do so the next time. */
const whereRefusalsStay: ReadonlySet<string | null> = new Set(["AUTH", "SELECT", "CLUSTER"]);

/** Errors of a server that is up and will be ready later. */
export function isPassing(error: ServerError): boolean {
  return passing.has(error.code) || isTurnedAway(error);
}

/** A server with as many clients as it takes says so, unasked, in place of the first answer, and hangs up. */
function isTurnedAway(error: unknown): error is ServerError {
  return error instanceof ServerError && error.message.includes("max number of clients");
}

const passing: ReadonlySet<string> = new Set(["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]);

/** True if the server speaks RESP3 now; false if it knows no HELLO or denies it. */
async function hello(line: Line, { username, password }: Credentials): Promise<boolean> {
  const args: Argument[] = ["HELLO", 3];
  if (password !== undefined) args.push("AUTH", username ?? "default", password);
  if (line.settings.clientName !== null) args.push("SETNAME", line.settings.clientName);
  try {
    line.role.heard(await line.command(args));
    return true;
  } catch (error) {
    if (error instanceof ServerError && !isTerminal(error) && !isPassing(error)) return false;
    throw error;
  }
}

async function logIn(line: Line, { username, password }: Credentials): Promise<void> {
  if (password !== undefined)
    await line.command(username === undefined ? ["AUTH", password] : ["AUTH", username, password]);
  if (line.settings.clientName !== null) await tolerated(line.command(["CLIENT", "SETNAME", line.settings.clientName]));
}

/** HELLO fails by itself where a login is needed; in RESP2 only a command that needs one tells. */
async function proveLogin(line: Line): Promise<void> {
  await tolerated(line.command(["PING"]));
}

/** Waits for a reply; an error of the server counts only if it ends the handshake. */
async function tolerated(reply: Promise<Reply>): Promise<void> {
  try {
    await reply;
  } catch (error) {
    if (!(error instanceof ServerError) || isTerminal(error) || isTurnedAway(error)) throw error;
  }
}

async function introduce(line: Line): Promise<void> {
  const info = [
    line.command(["CLIENT", "SETINFO", "LIB-NAME", "tidings"]),
    line.command(["CLIENT", "SETINFO", "LIB-VER", version]),
  ];
  const database = line.settings.db === 0 ? null : line.command(["SELECT", line.settings.db]);
  await Promise.all([...info.map(tolerated), database]);
}

const codes: ReadonlySet<string> = new Set(["ERR", "WRONGPASS", "NOAUTH", "NOPERM", "NOPROTO", ...passing]);

function withoutSecret(error: unknown, password: string | undefined): unknown {
  if (!(error instanceof ServerError) || !password || !error.message.includes(password)) return error;
  // A code of the protocol stays, whatever the password is: it decides whether another attempt is made.
  const { code, message } = error;
  const kept = codes.has(code) ? code.length : 0;
  const redacted = message.slice(0, kept) + message.slice(kept).replaceAll(password, "***");
  return new ServerError(redacted, error.command, error.names);
}
