import type { LookupFunction } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { describe } from "../core/checks.ts";
import { ArgumentError } from "../errors.ts";

/** Where a server listens. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** The login at the server. Without a password no AUTH is sent; without a username it is the `default` user's. */
export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Refuses what is no login; never shows it. */
export function checkCredentials(given: unknown): Credentials {
  if (typeof given !== "object" || given === null) {
    throw new ArgumentError(`The credentials are { username, password }, not ${describe(given)}.`);
  }
  const { username, password } = given as Record<string, unknown>;
  for (const value of [username, password]) {
    if (value !== undefined && typeof value !== "string") {
      throw new ArgumentError(`A username and a password are strings, not ${describe(value)}.`);
    }
  }
  if (username !== undefined && password === undefined) {
    throw new ArgumentError("A username needs a password; give an empty one for a user without.");
  }
  return given;
}

/** All that is needed to make a connection; one object stands for one node, protocol, database and credentials. */
export interface ConnectionSettings {
  readonly endpoint: Endpoint;
  readonly tls: TlsOptions | null;
  /** Asked at each connect, so that a rotated credential is found. */
  readonly credentials: () => Credentials | Promise<Credentials>;
  /** Whether the next call may give other credentials. If so, refused credentials are asked for once more. */
  readonly rotates: boolean;
  readonly clientName: string | null;
  /** Whether the library's name and version are sent to the server (CLIENT SETINFO). */
  readonly clientInfo: boolean;
  readonly protocol: 2 | 3;
  readonly db: number;
  /** Milliseconds, the handshake included. */
  readonly connectTimeout: number;
  readonly lookup: LookupFunction | undefined;
  /** The kind of addresses that a host name is resolved to; 0 for both. */
  readonly family: 0 | 4 | 6;
}

/** How an endpoint is named in messages. */
export function address(endpoint: Endpoint): string {
  if ("path" in endpoint) return endpoint.path;
  return `${endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}
