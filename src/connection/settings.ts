import type { LookupFunction } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";

/** Where a server listens. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** Who we are to the server. No password: no AUTH is sent. No username: the `default` user. */
export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** All that is needed to make a connection; one object stands for one node, protocol, database and credentials. */
export interface ConnectionSettings {
  readonly endpoint: Endpoint;
  readonly tls: TlsOptions | null;
  /** Asked at each connect, so that a rotated credential is found. */
  readonly credentials: () => Credentials | Promise<Credentials>;
  readonly clientName: string | null;
  readonly protocol: 2 | 3;
  readonly db: number;
  /** Milliseconds, the handshake included. */
  readonly connectTimeout: number;
  readonly lookup: LookupFunction | undefined;
}

/** How an endpoint is named in messages. */
export function address(endpoint: Endpoint): string {
  if ("path" in endpoint) return endpoint.path;
  return `${endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}
