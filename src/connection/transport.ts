import {
  connect as connectTcp,
  isIP,
  type LookupFunction,
  type NetConnectOpts,
  type OnReadOpts,
  type Socket,
} from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { ConnectionError } from "../errors.ts";
import type { ConnectionSettings } from "./settings.ts";

/** The events of a socket, for its connection. */
export interface SocketEvents {
  /** Where the next bytes are to be written. */
  space(): Buffer;
  /** `count` bytes were written there. */
  received(count: number): void;
  /** The socket is open and, with TLS, the server's certificate was verified. */
  open(): void;
  /** The socket is gone; no event follows. `cause` is `null` when the peer closed it in order. */
  gone(cause: Error | null): void;
}

/** Dials TCP, TLS or a unix socket. Reads go straight into the memory that `events.space()` names; no stream, no copy. */
export function openSocket({ endpoint, tls, lookup, family }: ConnectionSettings, events: SocketEvents): Socket {
  const onread: OnReadOpts = {
    buffer: () => events.space(),
    callback: (count) => {
      events.received(count);
      return true;
    },
  };
  const options: NetConnectOpts & { noDelay: true } =
    "path" in endpoint
      ? { path: endpoint.path, onread, noDelay: true }
      : { ...endpoint, family, lookup: lookup && eitherForm(lookup), onread, noDelay: true, keepAlive: true };
  const socket =
    tls === null ? connectTcp(options) : connectTls({ ...withServerName(tls, endpoint), ...options } as TlsOptions);
  let cause: Error | null = null;
  socket.once(tls === null ? "connect" : "secureConnect", () => events.open());
  socket.on("error", (error) => {
    cause = error;
  });
  socket.once("close", () => events.gone(cause));
  return socket;
}

/** Node asks for all addresses of a name or for one, by turns; a lookup of the user's may know one form only. */
function eitherForm(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, answer: unknown, family?: number) => {
      if (error) return callback(error, "", 0);
      const all = addressesIn(answer, family);
      const [first] = all;
      if (first === undefined) {
        return callback(new ConnectionError(`The lookup function gave no address for ${hostname}.`), "", 0);
      }
      if (options.all) callback(null, all);
      else callback(null, first.address, first.family);
    });
}

/** The addresses in what a lookup answers: one or many, with their families or as text. */
function addressesIn(answer: unknown, family: number | undefined): { address: string; family: number }[] {
  if (Array.isArray(answer)) return answer.flatMap((one: unknown) => addressesIn(one, undefined));
  if (typeof answer === "object" && answer !== null) return addressesIn(Reflect.get(answer, "address"), family);
  const kind = typeof answer === "string" ? isIP(answer) : 0;
  return kind === 0 ? [] : [{ address: answer as string, family: kind }];
}

/** SNI takes names only, and Node sends none by itself when it is given a lookup of ours. */
function withServerName(tls: TlsOptions, endpoint: ConnectionSettings["endpoint"]): TlsOptions {
  if ("path" in endpoint || tls.servername !== undefined || isIP(endpoint.host) !== 0) return tls;
  return { ...tls, servername: endpoint.host };
}
