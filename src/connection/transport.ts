import { connect as connectTcp, isIP, type NetConnectOpts, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import type { ConnectionSettings } from "./settings.ts";

/** What a socket tells its connection. */
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
export function openSocket({ endpoint, tls, lookup }: ConnectionSettings, events: SocketEvents): Socket {
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
      : { host: endpoint.host, port: endpoint.port, lookup, onread, noDelay: true, keepAlive: true };
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

/** SNI takes names only, and Node sends none by itself when it is given a lookup of ours. */
function withServerName(tls: TlsOptions, endpoint: ConnectionSettings["endpoint"]): TlsOptions {
  if ("path" in endpoint || tls.servername !== undefined || isIP(endpoint.host) !== 0) return tls;
  return { ...tls, servername: endpoint.host };
}
