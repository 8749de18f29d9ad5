import { URL } from "node:url";
import { ArgumentError } from "../errors.ts";
import type { Endpoint } from "./settings.ts";

/** What a URL says; what it leaves out is `undefined`. */
export interface ParsedUrl {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number | undefined;
  readonly family: 0 | 4 | 6 | undefined;
  readonly protocol: 2 | 3 | undefined;
}

const schemes: Readonly<Record<string, "tcp" | "tls" | "unix">> = {
  "redis:": "tcp",
  "valkey:": "tcp",
  "rediss:": "tls",
  "valkeys:": "tls",
  "unix:": "unix",
};

const DEFAULT_PORT = 6379;

/** `new URL` takes a login only with a host, so a unix socket gets one that stands for none. */
const NO_HOST = "socket";
const SOCKET = /^(unix:\/\/(?:[^/?#]*@)?)\//i;
/** The user's name and a colon before the host: what follows is the password, be it empty. */
const USER_AND_PASSWORD = /^[a-z]+:\/\/[^:/?#@]+:[^/?#]*@/i;

/**
 * Reads `redis://[user[:password]@]host[:port][/db]`, the same with `rediss://` (TLS), and
 * `unix://[user[:password]@]/path/to/socket`; `valkey://` and `valkeys://` are the same as the first two. User
 * and password are percent-encoded, an IPv6 host stands in brackets. The parameters are those of {@link parameters}.
 * Never quotes the URL in an error: it may hold a password.
 */
export function parseUrl(text: string): ParsedUrl {
  let url: URL;
  try {
    url = new URL(text.replace(SOCKET, `$1${NO_HOST}/`));
  } catch {
    if (/^[\w.-]+(?::\d{1,5})?$/.test(text)) {
      throw new ArgumentError(`The URL has no scheme. Did you mean "redis://${text}"?`);
    }
    throw new ArgumentError("The URL cannot be read. Write redis://user:password@host:port/db, percent-encoded.");
  }
  const kind = schemes[url.protocol];
  if (!text.includes("://") && /^[\w.-]+:\d{1,5}$/.test(text)) {
    throw new ArgumentError(`The URL has no scheme. Did you mean "redis://${text}"?`);
  }
  if (kind === undefined || !text.includes("://")) {
    const scheme = text.includes("://") ? ` "${url.protocol.slice(0, -1)}"` : "";
    throw new ArgumentError(
      `Unknown scheme${scheme} in the URL. Use redis://, rediss://, valkey://, valkeys:// or unix://.`,
    );
  }
  if (url.hash !== "") throw new ArgumentError('The URL holds a "#". Percent-encode it as %23.');
  const emptyPassword = USER_AND_PASSWORD.test(text) ? "" : undefined;
  const login = {
    username: decode(url.username, "user"),
    password: decode(url.password, "password") ?? emptyPassword,
  };
  if (kind === "unix") {
    const { db, protocol } = readParameters(url, ["db", "protocol"]);
    return { ...login, tls: false, endpoint: unixSocket(url), db, protocol, family: undefined };
  }
  const { db, tls, ...rest } = readParameters(url, Object.keys(parameters));
  if (kind === "tls" && tls === false) {
    throw new ArgumentError("The URL asks for TLS and against it. Write redis:// for none.");
  }
  return {
    ...login,
    ...rest,
    tls: kind === "tls" || tls === true,
    endpoint: {
      host: decode(url.hostname.replace(/^\[(.*)\]$/, "$1"), "host") ?? "localhost",
      port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    },
    db: database(url.pathname.slice(1)) ?? db,
  };
}

/** What the URL of a cluster says: the same, but for hosts that are separated by commas. */
export interface ParsedClusterUrl extends Omit<ParsedUrl, "endpoint"> {
  readonly seeds: readonly { readonly host: string; readonly port: number }[];
}

const HOSTS = /^([a-z]+:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is;

/** Reads `redis://[user[:password]@]host[:port],host[:port],…`. */
export function parseClusterUrl(text: string): ParsedClusterUrl {
  const [, before = "", hosts = "", after = ""] = HOSTS.exec(text) ?? [];
  if (hosts.includes("://")) throw new ArgumentError("A cluster has one URL: redis://host:port,host:port.");
  if (before.indexOf("@") !== before.lastIndexOf("@")) {
    throw new ArgumentError('A cluster\'s URL has one login, before all hosts. Percent-encode an "@" in it as %40.');
  }
  if (hosts !== "" && hosts.split(",").some((host) => host.trim() === "")) {
    throw new ArgumentError("The URL lists an empty host: look for a comma too many.");
  }
  const urls = hosts === "" ? [parseUrl(text)] : hosts.split(",").map((host) => parseUrl(before + host + after));
  const seeds = urls.map(({ endpoint }) => {
    if ("path" in endpoint) throw new ArgumentError("A cluster is reached by TCP: write redis://host:port,host:port.");
    return endpoint;
  });
  const [first] = urls as [ParsedUrl];
  if (first.db) throw new ArgumentError("A cluster has one database: leave the number out of the URL.");
  return { ...first, seeds };
}

function unixSocket(url: URL): Endpoint {
  const path = decode(url.pathname, "path");
  if (url.hostname !== NO_HOST || path === undefined || path === "/") {
    throw new ArgumentError("A unix URL needs an absolute path: unix:///path/to/redis.sock.");
  }
  return { path };
}

/** What parameters say. */
interface Parameters {
  db?: number | undefined;
  family?: 0 | 4 | 6 | undefined;
  protocol?: 2 | 3 | undefined;
  tls?: boolean | undefined;
}

/** The parameters of a URL that services hand out and other clients know, each with what it says. */
const parameters: Readonly<Record<string, (value: string) => Parameters>> = {
  db: (value) => ({ db: database(value) }),
  family: (value) => ({ family: chosen("family", value, [0, 4, 6] as const) }),
  protocol: (value) => ({ protocol: chosen("protocol", value, [2, 3] as const) }),
  tls: (value) => ({ tls: flag("tls", value) }),
  ssl: (value) => ({ tls: flag("ssl", value) }),
  ssl_cert_reqs: (value) => {
    if (/^(?:cert_)?required$/i.test(value)) return {};
    throw new ArgumentError(
      'The URL\'s "ssl_cert_reqs" gives the check of the certificate up. Leave it out, and pass the option tls: { ca } or tls: { rejectUnauthorized: false }.',
    );
  },
};

function readParameters(url: URL, known: readonly string[]): Required<Parameters> {
  const read: Parameters = {};
  for (const [name, value] of url.searchParams) {
    const parameter = known.includes(name) ? parameters[name] : undefined;
    if (parameter === undefined) throw unknownParameter(name, known);
    Object.assign(read, parameter(value));
  }
  return { db: read.db, family: read.family, protocol: read.protocol, tls: read.tls };
}

function unknownParameter(name: string, known: readonly string[]): ArgumentError {
  // Behind a "?" that belongs to a password stands the rest of the password.
  if (!/^\w+$/.test(name))
    return new ArgumentError('The URL holds a "?". In a user or password, percent-encode it as %3F.');
  const names = known.map((one) => `"${one}"`).join(", ");
  return new ArgumentError(`Unknown parameter "${name}" in the URL; known are ${names}. Pass it as an option.`);
}

function chosen<N extends number>(name: string, value: string, choices: readonly N[]): N {
  const found = choices.find((choice) => String(choice) === value);
  if (found === undefined) throw new ArgumentError(`"${name}" in the URL must be ${choices.join(" or ")}.`);
  return found;
}

function flag(name: string, value: string): boolean {
  if (/^(?:true|1|yes)$/i.test(value)) return true;
  if (/^(?:false|0|no)$/i.test(value)) return false;
  throw new ArgumentError(`"${name}" in the URL must be true or false.`);
}

function database(text: string): number | undefined {
  if (text === "") return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new ArgumentError("The database in the URL must be a number: redis://host:port/0.");
  return Number(text);
}

function decode(text: string, part: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ArgumentError(`The ${part} in the URL is not percent-encoded: use encodeURIComponent().`);
  }
}
