import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerBinary } from "./server-binary.ts";
import { has } from "./server-features.ts";

/** PEM texts for a server that speaks TLS only. */
interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** The authority whose client certificates the server accepts. */
  readonly ca: string;
  /** What the server shows where it is the client: to the other nodes of its cluster. Default: `cert` and `key`. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether a client must show a certificate. Default `false`. */
  readonly clientAuth?: boolean | "optional" | undefined;
}

export interface ServerOptions {
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** The password of the `default` user. */
  readonly password?: string | undefined;
  /** ACL users, name to rules: `{ reader: "on >secret resetchannels &news +@pubsub" }`. `default` may be among them. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Puts the users into an ACL file, for `ACL LOAD` and `ACL SAVE`. Default: into the configuration. */
  readonly aclFile?: boolean | undefined;
  readonly tls?: ServerTls | undefined;
  /** Further lines of the configuration, such as `cluster-enabled yes`. They come last, so they win. */
  readonly config?: readonly string[] | undefined;
  /** Files put into the server's directory before its first start: names and texts. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** Whether `DEBUG` is allowed. Default `true`. */
  readonly enableDebugCommand?: boolean | undefined;
}

/** The user the tests' own connections log in as, so that no change to the others locks them out. */
export const CONTROL_USER = "control";
export const CONTROL_PASSWORD = "control";

/** The Unix socket of a server whose directory this is. */
export function socketPath(directory: string): string {
  return join(directory, "socket");
}

/** The file for all that a server prints whose directory this is: its log, and complaints about its configuration. */
export function logPath(directory: string): string {
  return join(directory, "log");
}

/** Writes the configuration file of a private server into its directory and gives the file's path. */
export function writeConfig(directory: string, port: number, options: ServerOptions, binary: ServerBinary): string {
  const lines = [
    options.tls === undefined ? `port ${port}` : "port 0",
    "bind 127.0.0.1",
    `unixsocket ${socketPath(directory)}`,
    "daemonize no",
    `dir ${directory}`,
    'save ""',
    "appendonly no",
    ...(options.tls === undefined ? [] : tlsLines(directory, port, options.tls)),
    ...(options.password === undefined ? [] : [`requirepass ${options.password}`]),
    ...(has("users", binary) ? userLines(directory, options, binary) : []),
    ...debugLines(options, binary),
    ...(options.config ?? []),
  ];
  const path = join(directory, "server.conf");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function userLines(
  directory: string,
  { users = {}, aclFile = false, password }: ServerOptions,
  binary: ServerBinary,
): string[] {
  const everything = rulesFor(binary, "~* &* +@all");
  const lines = Object.entries(users).map(([name, rules]) => `user ${name} ${rulesFor(binary, rules)}`);
  lines.push(`user ${CONTROL_USER} on >${CONTROL_PASSWORD} ${everything}`);
  if (!aclFile) return lines;
  // An ACL file replaces the default user too, so `requirepass` beside it would be lost.
  if (users.default === undefined) lines.push(`user default on ${password ? `>${password}` : "nopass"} ${everything}`);
  const path = join(directory, "users.acl");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return [`aclfile ${path}`];
}

/** The rules of a user as this server takes them: before there were rules for channels, all were allowed. */
function rulesFor(binary: ServerBinary, rules: string): string {
  return has("channelRules", binary) ? rules : rules.replace(/ (?:&\S+|resetchannels)/g, "");
}

function tlsLines(directory: string, port: number, tls: ServerTls): string[] {
  const file = (name: string, pem: string): string => {
    const path = join(directory, name);
    writeFileSync(path, pem, { mode: 0o600 });
    return path;
  };
  const clients = { true: "yes", false: "no", optional: "optional" }[`${tls.clientAuth ?? false}` as const];
  return [
    `tls-port ${port}`,
    `tls-cert-file ${file("server.crt", tls.cert)}`,
    `tls-key-file ${file("server.key", tls.key)}`,
    `tls-ca-cert-file ${file("ca.crt", tls.ca)}`,
    `tls-auth-clients ${clients}`,
    ...(tls.client === undefined
      ? []
      : [
          `tls-client-cert-file ${file("client.crt", tls.client.cert)}`,
          `tls-client-key-file ${file("client.key", tls.client.key)}`,
        ]),
  ];
}

function debugLines({ enableDebugCommand = true }: ServerOptions, binary: ServerBinary): string[] {
  if (!has("debugDirective", binary)) return [];
  return [`enable-debug-command ${enableDebugCommand ? "yes" : "no"}`];
}
