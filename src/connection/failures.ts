import { ConnectionError, type ServerError, TidingsError, TimeoutError } from "../errors.ts";
import { address, type ConnectionSettings, type Endpoint } from "./settings.ts";

/** How far an attempt to connect had come. */
export interface Progress {
  /** Whether the credentials are there. */
  readonly login: boolean;
  /** Whether the socket is open. */
  readonly open: boolean;
  /** The error that the server answered last with: what it says before it hangs up is why. */
  readonly lastWords: ServerError | null;
  /** The command that awaits its answer. */
  readonly asked: string;
}

/** What keeps a command that a proxy hangs up at from being sent. */
const switches: Readonly<Record<string, string>> = { HELLO: '"protocol: 2"', CLIENT: '"clientInfo: false"' };

/** A socket is gone that was ready, or that was never open (`progress` is `null`). */
export function socketLost(endpoint: Endpoint, cause: Error | null, progress: Progress | null): ConnectionError {
  const how = cause === null ? "was closed by the server" : `failed: ${reasonOf(cause, endpoint)}`;
  const what = `The connection to ${address(endpoint)} ${how}`;
  const options = cause === null ? {} : { cause };
  if (progress === null || !progress.open) return new ConnectionError(`${what}.`, options);
  const { lastWords, asked } = progress;
  if (lastWords !== null) {
    const words = lastWords.message.replace(/\.?\s*$/, "");
    return new ConnectionError(`${what}, after it had said: ${words}.`, { cause: lastWords });
  }
  const advice = asked in switches ? ` For a proxy that does not take it there is the option ${switches[asked]}.` : "";
  return new ConnectionError(`${what} when it was sent ${asked}.${advice}`, options);
}

/** Node's messages repeat the address; where a name was dialled, the addresses that were tried are of use. */
function reasonOf(cause: Error, endpoint: Endpoint): string {
  if (cause instanceof TidingsError) return cause.message.replace(/\.$/, "");
  // A name that has several addresses, all of which were tried.
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return cause.errors.map((error) => (error instanceof Error ? error.message : String(error))).join(", ");
  }
  if (!("code" in cause)) return cause.message;
  const { code, address } = cause as { code: unknown; address?: unknown };
  const named = "host" in endpoint && typeof address === "string" && address !== endpoint.host;
  return named ? `${code} ${address}` : String(code);
}

/** An attempt to connect took too long. */
export function tooSlow(
  { endpoint, tls, connectTimeout }: ConnectionSettings,
  { login, open, lastWords }: Progress,
): TimeoutError {
  const server = address(endpoint);
  if (!login) {
    return new TimeoutError(`The credentials function gave no answer for ${server} within ${connectTimeout} ms.`);
  }
  const late = `No connection to ${server} within ${connectTimeout} ms.`;
  if (lastWords !== null) return new TimeoutError(`${late} It said: ${lastWords.message}`, { cause: lastWords });
  const missing = open
    ? "It took the connection and did not answer the handshake: is it a Redis server, and not busy?"
    : `Is it up${tls === null ? "" : ", and does it speak TLS"}?`;
  return new TimeoutError(`${late} ${missing}`);
}
