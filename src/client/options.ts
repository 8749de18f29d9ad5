import type { LookupFunction } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { type Codec, utf8 } from "../codec.ts";
import type { ConnectionSettings, Credentials, Endpoint } from "../connection/settings.ts";
import { type ParsedUrl, parseUrl } from "../connection/url.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import {
  boolean,
  type Check,
  callable,
  check,
  checkOptions,
  describe,
  integer,
  milliseconds,
  millisecondsOrInfinity,
  oneOf,
  signal,
  string,
} from "../core/checks.ts";
import { ArgumentError } from "../errors.ts";
import type { NameForm } from "../names.ts";
import { codec, defaultRetryPolicy, defaults, nameForm } from "../pubsub/consumer/options.ts";
import type { ConsumerTimes } from "../pubsub/consumer/source.ts";
import { foreignOptions } from "./foreign-options.ts";

/** Asked for the credentials at each connect. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>;

/** How many idle subscriber connections are kept, and for how long (milliseconds). */
export interface PoolOptions {
  /** Default 8; 0 keeps none. */
  readonly keep?: number | undefined;
  /** Default 30,000. */
  readonly idleTimeout?: number | undefined;
}

/** Options of every client. */
export interface ClientOptions<Data = string, In = Data, Form extends NameForm = "utf8"> {
  /** The ACL user. Default: the `default` user. */
  readonly username?: string | undefined;
  /** The password (AUTH). Default: none, no login is sent. */
  readonly password?: string | undefined;
  /** Instead of `username` and `password`: a function asked at each connect, for credentials that rotate. Default: none. */
  readonly credentials?: CredentialsProvider | undefined;
  /** TLS with Node's options (`ca`, `cert`, `key`, `servername`, …); `true` for the defaults. `rediss://` implies it. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** The name in CLIENT LIST (CLIENT SETNAME). Default: none. */
  readonly clientName?: string | undefined;
  /**
   * Tells the server the library's name and version (CLIENT SETINFO, which servers before 7.2 refuse without harm). `false`
   * for a proxy that hangs up at it. Default true.
   */
  readonly clientInfo?: boolean | undefined;
  /** RESP3, which falls back to RESP2 where the server does not speak it; or RESP2 alone. Default 3. */
  readonly protocol?: 2 | 3 | undefined;
  /** Milliseconds for one attempt to connect, its handshake included. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /**
   * Milliseconds that `connect`, `subscribe` and their like wait for a ready connection before `TimeoutError`; `Infinity`:
   * as long as `retryPolicy` goes on. Default 10,000.
   */
  readonly readyTimeout?: number | undefined;
  /** Milliseconds for a command's reply, from the call. Default 10,000. */
  readonly commandTimeout?: number | undefined;
  /** The default of consumers, and of those that are shared: milliseconds of silence after which a PING is sent. Default 15,000. */
  readonly maxIdle?: number | undefined;
  /** Likewise: milliseconds without any byte after which an awaited answer means a dead link. Default 5000. */
  readonly pingTimeout?: number | undefined;
  /** Likewise: milliseconds of silence on a ready connection before a `subscribe` is a `TimeoutError`. Default 1000. */
  readonly subscriptionTimeout?: number | undefined;
  /** Likewise: milliseconds that an `unsubscribe` waits for its confirmations. Default 100. */
  readonly unsubscriptionTimeout?: number | undefined;
  /** When to reconnect. Default: `exponentialBackoff()`. */
  readonly retryPolicy?: RetryPolicy | undefined;
  /** Idle subscriber connections that are kept for the next consumer. Default: 8, for 30,000 ms. */
  readonly pool?: PoolOptions | undefined;
  /** What `data` is, and what `publish` takes. Default `utf8`. */
  readonly codec?: Codec<Data, In> | undefined;
  /** How names are shown: `"utf8"` text (default), or `"bytes"`, Buffers. */
  readonly names?: Form | undefined;
  /** Resolves host names, as for `net.connect`. Asked at each connect. Default: `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined;
  /** The kind of addresses that host names are resolved to: 4, 6, or 0 for both. Default 0. `?family=` in the URL. */
  readonly family?: 0 | 4 | 6 | undefined;
  /** Aborting closes the client. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Redis}. What they say goes before what the URL says. */
export interface RedisOptions<Data = string, In = Data, Form extends NameForm = "utf8">
  extends ClientOptions<Data, In, Form> {
  /** Default `localhost`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  /** A unix socket, instead of `host` and `port`. Default: none. */
  readonly path?: string | undefined;
  /** The database (SELECT). Default 0. Pub/Sub itself knows no databases. */
  readonly db?: number | undefined;
}

/** A client's options with their defaults. */
export interface ResolvedOptions {
  /** What the connections to all nodes have in common. */
  readonly connection: Omit<ConnectionSettings, "endpoint">;
  readonly commandTimeout: number;
  /** What consumers fall back to; milliseconds. */
  readonly consumers: ConsumerTimes;
  readonly retryPolicy: RetryPolicy;
  readonly pool: { readonly keep: number; readonly idleTimeout: number };
  readonly codec: Codec<unknown, never>;
  readonly names: NameForm;
  readonly signal: AbortSignal | undefined;
}

type AnyClientOptions = ClientOptions<unknown, never, NameForm>;
type UrlLogin = Omit<ParsedUrl, "endpoint">;

const filled: Check = check("a string that is not empty", (value) => typeof value === "string" && value !== "");

// A URL here would be printed in errors, with its password.
export const hostName: Check = check(
  "a host name or address (a URL is the first argument)",
  (value) => /^[^\s/@]+$/.test(String(value)) && typeof value === "string",
);
export const portNumber: Check = integer(1, 65_535);

/** The options of every client. */
export const clientChecks: Readonly<Record<keyof ClientOptions, Check>> = {
  username: string,
  password: string,
  credentials: callable,
  tls: check("true, false or an object of TLS options", (value) => typeof value === "boolean" || isObject(value)),
  // The server refuses others, and would do so at every connect.
  clientName: check(
    "a string of printable characters without spaces",
    (value) => typeof value === "string" && /^[!-~]*$/.test(value),
  ),
  clientInfo: boolean,
  protocol: oneOf(2, 3),
  connectTimeout: milliseconds,
  readyTimeout: millisecondsOrInfinity,
  commandTimeout: milliseconds,
  maxIdle: milliseconds,
  pingTimeout: milliseconds,
  subscriptionTimeout: milliseconds,
  unsubscriptionTimeout: milliseconds,
  retryPolicy: callable,
  pool: (value) => checkOptions("pool", value, { keep: integer(0, 10_000), idleTimeout: milliseconds }),
  codec,
  names: nameForm,
  lookup: callable,
  family: oneOf(0, 4, 6),
  signal,
};

const known: Readonly<Record<keyof RedisOptions, Check>> = {
  host: hostName,
  port: portNumber,
  path: filled,
  db: integer(0, 2 ** 31 - 1),
  ...clientChecks,
};

/** Options of the other client. */
const ofClusters: Readonly<Record<string, string>> = {
  seeds: "It is an option of RedisCluster.",
  natMap: "It is an option of RedisCluster.",
  topologyRefreshInterval: "It is an option of RedisCluster.",
  readFromReplicas: "It is an option of RedisCluster.",
};

/** Reads what `new Redis()` was given: `(url)`, `(options)`, `(url, options)`. */
export function resolveOptions(
  first: unknown,
  second: unknown,
): ResolvedOptions & { readonly connection: ConnectionSettings } {
  const { url, given } = readArguments("Redis", first, second, parseUrl);
  checkOptions("Redis", given, known, { foreign: { ...foreignOptions, ...ofClusters } });
  const options = (given ?? {}) as RedisOptions<unknown, never, NameForm>;
  const all = resolved(url, options, options.db ?? url?.db ?? 0);
  return { ...all, connection: { ...all.connection, endpoint: endpoint(url, options) } };
}

const forClusters = "A Redis has one server. For several nodes use RedisCluster: redis://host-1:port,host-2:port.";

/** Whether it lists several servers, or two URLs were given. */
function isUrlOfMany(url: string, second: unknown): boolean {
  if (typeof second === "string") return true;
  const [, hosts = ""] = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url) ?? [];
  return hosts.includes(",");
}

/** Tells a URL from options. */
export function readArguments<Url>(
  owner: string,
  first: unknown,
  second: unknown,
  parse: (url: string) => Url,
): { readonly url: Url | null; readonly given: unknown } {
  if (owner === "Redis" && typeof first === "string" && isUrlOfMany(first, second))
    throw new ArgumentError(forClusters);
  const url = typeof first === "string" || isUrl(first) ? parse(String(first)) : null;
  if (url === null && second !== undefined) {
    throw new ArgumentError(`${owner} takes a URL and options; the URL is ${describe(first)}.`);
  }
  return { url, given: url === null ? first : second };
}

/** The options of every client with their defaults. */
export function resolved(url: UrlLogin | null, options: AnyClientOptions, db: number): ResolvedOptions {
  return {
    connection: {
      tls: tls(url, options),
      credentials: credentials(url, options),
      rotates: options.credentials !== undefined,
      clientName: options.clientName || null,
      clientInfo: options.clientInfo ?? true,
      protocol: options.protocol ?? url?.protocol ?? 3,
      db,
      connectTimeout: options.connectTimeout ?? 10_000,
      lookup: options.lookup,
      family: options.family ?? url?.family ?? 0,
    },
    commandTimeout: options.commandTimeout ?? 10_000,
    consumers: {
      readyTimeout: options.readyTimeout ?? 10_000,
      maxIdle: options.maxIdle ?? defaults.maxIdle,
      pingTimeout: options.pingTimeout ?? defaults.pingTimeout,
      subscriptionTimeout: options.subscriptionTimeout ?? defaults.subscriptionTimeout,
      unsubscriptionTimeout: options.unsubscriptionTimeout ?? defaults.unsubscriptionTimeout,
    },
    retryPolicy: options.retryPolicy ?? defaultRetryPolicy(),
    pool: { keep: options.pool?.keep ?? 8, idleTimeout: options.pool?.idleTimeout ?? 30_000 },
    codec: options.codec ?? (utf8 as Codec<unknown, never>),
    names: options.names ?? "utf8",
    signal: options.signal,
  };
}

function endpoint(url: ParsedUrl | null, { host, port, path }: RedisOptions<unknown, never, NameForm>): Endpoint {
  if (path !== undefined) {
    if (host !== undefined || port !== undefined)
      throw new ArgumentError('Give "path" or "host" and "port", not both.');
    return { path };
  }
  const base = url?.endpoint ?? { host: "localhost", port: 6379 };
  if ("path" in base) {
    if (host !== undefined || port !== undefined)
      throw new ArgumentError('The URL names a unix socket; "host" and "port" have no place.');
    return base;
  }
  return { host: host ?? base.host, port: port ?? base.port };
}

function tls(url: UrlLogin | null, { tls }: AnyClientOptions): TlsOptions | null {
  if (tls === false && url?.tls)
    throw new ArgumentError('The URL asks for TLS and "tls" is false. Use redis:// for none.');
  if (typeof tls === "object") return tls;
  return tls === true || url?.tls ? {} : null;
}

function credentials(url: UrlLogin | null, options: AnyClientOptions): CredentialsProvider {
  const username = options.username ?? url?.username;
  const password = options.password ?? url?.password;
  if (options.credentials !== undefined) {
    if (username !== undefined || password !== undefined) {
      throw new ArgumentError('Give "credentials" or a username and password, not both.');
    }
    return options.credentials;
  }
  if (username !== undefined && password === undefined) {
    throw new ArgumentError("A username needs a password; give an empty one for a user without.");
  }
  return () => ({ username, password });
}

/** By its shape: it may be of another context. */
function isUrl(value: unknown): value is URL {
  return isObject(value) && typeof Reflect.get(value as object, "href") === "string";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
