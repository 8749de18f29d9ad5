import { TestServerError, WHAT_IT_IS } from "./errors.ts";
import type { Protocol } from "./reply.ts";

/** What `startServer` takes. */
export interface TestServerOptions {
  /** The port on 127.0.0.1. Default: 0, a free one. */
  readonly port?: number | undefined;
  /** The highest protocol that HELLO is answered with; 2 refuses `HELLO 3` with NOPROTO. Default: 3. */
  readonly protocol?: 2 | 3 | undefined;
  /** The user whose password is asked for; needs `password`. Default: `"default"`. */
  readonly username?: string | undefined;
  /** The password that clients must give. Default: none is asked for. */
  readonly password?: string | undefined;
  /** The version that HELLO and INFO tell. Default: `"7.4.0"`. */
  readonly version?: string | undefined;
}

export interface Settings {
  readonly port: number;
  readonly protocol: Protocol;
  readonly username: string;
  readonly password: string | undefined;
  readonly version: string;
}

const KNOWN = ["port", "protocol", "username", "password", "version"];

/** The options with their defaults. Throws a TestServerError with the code INVALID_OPTION. */
export function settingsOf(options: TestServerOptions = {}): Settings {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(`startServer takes an object of options: ${KNOWN.join(", ")}`);
  }
  const unknown = Object.keys(options).filter((name) => !KNOWN.includes(name));
  if (unknown.length > 0) {
    throw invalid(`startServer has no option ${unknown.join(", ")}; it has ${KNOWN.join(", ")}: ${WHAT_IT_IS}`);
  }
  const { port = 0, protocol = 3, username = "default", password, version = "7.4.0" } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw invalid("port must be a whole number from 0 to 65535");
  if (protocol !== 2 && protocol !== 3) throw invalid("protocol must be 2 or 3");
  if (typeof username !== "string" || username === "") throw invalid("username must be a string that is not empty");
  if (password !== undefined && (typeof password !== "string" || password === "")) {
    throw invalid("password must be a string that is not empty; leave it out for a server that asks for none");
  }
  if (password === undefined && options.username !== undefined) throw invalid("username needs a password beside it");
  if (typeof version !== "string" || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw invalid('version must be a string like "7.4.0"');
  }
  return { port, protocol, username, password, version };
}

function invalid(message: string): TestServerError {
  return new TestServerError("INVALID_OPTION", message);
}
