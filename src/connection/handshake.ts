import { ProtocolError, ServerError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { version } from "../version.ts";
import type { Proof } from "./order-proof.ts";
import { isPassing, isRefusedLogin, isTerminal, isTurnedAway, protocolCodes } from "./refusals.ts";
import { address, type ConnectionSettings, type Credentials } from "./settings.ts";

/** What the handshake needs of a connection. */
interface HandshakeConnection {
  readonly settings: ConnectionSettings;
  readonly role: { heard(hello: Reply): void };
  command(args: readonly Argument[]): Promise<Reply>;
  /** Sends a PING with a nonce and checks that replies match their commands. */
  prove(): Promise<Proof>;
}

/**
 * Makes a fresh socket ready: HELLO with AUTH and SETNAME, or, where the server knows no HELLO or denies it, AUTH and
 * CLIENT SETNAME in RESP2; then CLIENT SETINFO, whose error (before 7.2) does not matter, SELECT, and a PING whose nonce
 * proves that every reply went to its command. Resolves to the protocol in force. Rejects with the `ServerError` that
 * stopped it, which names the server; the password is cut out should the server echo it.
 */
export async function shakeHands(line: HandshakeConnection, login: Credentials): Promise<2 | 3> {
  try {
    const protocol = line.settings.protocol === 3 ? await hello(line, login) : 2;
    if (protocol === 2) await logIn(line, login);
    await introduce(line);
    return protocol;
  } catch (error) {
    throw stopped(error, line.settings, login.password);
  }
}

/** The protocol in force after HELLO; 2 too where the server knows no HELLO, or denies it. */
async function hello(line: HandshakeConnection, { username, password }: Credentials): Promise<2 | 3> {
  const args: Argument[] = ["HELLO", 3];
  if (password !== undefined) args.push("AUTH", username ?? "default", password);
  if (line.settings.clientName !== null) args.push("SETNAME", line.settings.clientName);
  try {
    const first = await line.command(args);
    const reply = protocolIn(first) === null ? await behindStrays(line) : first;
    if (reply === null) return 2;
    line.role.heard(reply);
    return protocolIn(reply) ?? 2;
  } catch (error) {
    if (!(error instanceof ServerError) || isPassing(error)) throw error;
    // Some want AUTH before they answer anything else, HELLO included.
    if (error.code === "NOAUTH" && password !== undefined) return 2;
    if (isTerminal(error)) throw error;
    return 2;
  }
}

/** A frame came that is no answer to HELLO. Either the answer is behind it, or there is none (`null`). */
async function behindStrays(line: HandshakeConnection): Promise<Reply> {
  const { unmatched, refused } = await line.prove();
  if (refused !== null) throw refused;
  return unmatched.find((reply) => protocolIn(reply) !== null) ?? null;
}

/** The protocol that an answer to HELLO names; `null` where the reply is none. */
function protocolIn(reply: Reply): 2 | 3 | null {
  if (reply instanceof Map) return Number(reply.get("proto") ?? 3) === 3 ? 3 : 2;
  if (!Array.isArray(reply)) return null;
  const at = reply.indexOf("proto");
  if (at < 0) return null;
  return Number(reply[at + 1]) === 3 ? 3 : 2;
}

async function logIn(line: HandshakeConnection, { username, password }: Credentials): Promise<void> {
  // Servers before 6.0 have no users; the password alone is the default user's everywhere.
  const isDefault = username === undefined || username === "default";
  // The default user without a password needs no login; AUTH would be an error.
  if (password !== undefined && !(isDefault && password === "")) {
    await line.command(isDefault ? ["AUTH", password] : ["AUTH", username, password]);
  }
  if (line.settings.clientName !== null) await tolerated(line.command(["CLIENT", "SETNAME", line.settings.clientName]));
}

/** Waits for a reply; an error of the server counts only if it ends the handshake. */
async function tolerated(reply: Promise<Reply>): Promise<void> {
  try {
    await reply;
  } catch (error) {
    if (!(error instanceof ServerError) || isTerminal(error) || isTurnedAway(error)) throw error;
  }
}

async function introduce(line: HandshakeConnection): Promise<void> {
  const { clientInfo, db } = line.settings;
  const info = clientInfo
    ? [
        line.command(["CLIENT", "SETINFO", "LIB-NAME", "tidings"]),
        line.command(["CLIENT", "SETINFO", "LIB-VER", version]),
      ]
    : [];
  const database = db === 0 ? null : line.command(["SELECT", db]);
  await Promise.all([...info.map(tolerated), database, proveOrder(line)]);
}

/**
 * The end of the handshake. HELLO fails by itself where a login is needed; in RESP2 the PING shows that. A frame that nothing
 * had asked for shifts every reply by one: where all were "OK" the shift does no harm, and the nonce has ended it.
 */
async function proveOrder(line: HandshakeConnection): Promise<void> {
  let { unmatched, refused } = await line.prove();
  if (refused !== null) {
    if (isTerminal(refused) || isTurnedAway(refused)) throw refused;
    // PING is refused by a server that loads; but the error may belong to the command before.
    ({ unmatched, refused } = await line.prove());
  }
  if (refused !== null || unmatched.every((reply) => reply === "OK")) return;
  throw new ProtocolError(
    `${address(line.settings.endpoint)} sent a reply that nothing had asked for; the replies are out of step. Is there a proxy that greets its clients?`,
  );
}

/** Why the handshake was stopped: with the server's address, with what to do, and without the password. */
function stopped(error: unknown, { endpoint }: ConnectionSettings, password: string | undefined): unknown {
  if (!(error instanceof ServerError)) return error;
  const { code, message, command } = error;
  const told = withoutSecret(code, message, password);
  const server = address(endpoint);
  if (isUsernameTooMany(error)) {
    return new ServerError(
      `${told}. ${server} knows no users (they need Redis 6.0 or newer): leave "username" out.`,
      command,
    );
  }
  const advice = isPasswordMissing(error, password)
    ? `${server} wants a password: set "password" (and "username"), or write redis://user:password@host.`
    : isRefusedLogin(error)
      ? `${server} refused the login: check "username" and "password".`
      : command === "SELECT" && !isPassing(error)
        ? `${server} refused the database: check "db".`
        : `${server} is not ready.`;
  return new ServerError(`${told.replace(/\.?\s*$/, ".")} ${advice}`, command, error.names);
}

function isPasswordMissing({ code }: ServerError, password: string | undefined): boolean {
  return code === "NOAUTH" && password === undefined;
}

/** Before there were users, AUTH took the password alone. */
function isUsernameTooMany({ command, message }: ServerError): boolean {
  return command === "AUTH" && /wrong number of arguments/i.test(message);
}

function withoutSecret(code: string, message: string, password: string | undefined): string {
  if (!password) return message;
  // A code of the protocol stays, whatever the password is: it decides whether another attempt is made.
  const kept = protocolCodes.has(code) ? code.length : 0;
  return message.slice(0, kept) + message.slice(kept).replaceAll(printable(password), "***");
}
