import { printable } from "./printable.ts";

/**
 * Every error of tidings. One base, a stable `code`, the `cause` kept, and a message that says what to do.
 *
 * The classes are branded: `instanceof` holds between two installed copies (ESM beside CommonJS, say).
 * No message carries a credential or a payload. Each is one line: control characters of what it quotes are escaped.
 */

import { withVersion } from "./server-versions.ts";

/** The `code` of every error that is not a {@link ServerError}. */
export type TidingsErrorCode =
  | "CONNECTION"
  | "TIMEOUT"
  | "PROTOCOL"
  | "PUBSUB"
  | "CLUSTER"
  | "CLOSED"
  | "ARGUMENT"
  | "HANDLER"
  | "CODEC";

/** The first word of a server's error; any other word a server may send is a plain string. */
export type ServerErrorCode =
  | "ERR"
  | "NOPERM"
  | "NOAUTH"
  | "WRONGPASS"
  | "NOPROTO"
  | "LOADING"
  | "BUSY"
  | "MASTERDOWN"
  | "READONLY"
  | "MOVED"
  | "ASK"
  | "CROSSSLOT"
  | "CLUSTERDOWN"
  | "NOSUB"
  | (string & {});

const brandOf = (name: string): symbol => Symbol.for(`tidings.${name}`);

/** The base of all errors thrown, rejected with or emitted by tidings. */
export class TidingsError extends Error {
  /** Stable and fit for a `switch`: a {@link TidingsErrorCode}, or the server's first word on a {@link ServerError}. */
  readonly code: TidingsErrorCode | ServerErrorCode;

  constructor(code: TidingsErrorCode | ServerErrorCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = printable(code);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    const brand = Object.hasOwn(this, "brand") ? Reflect.get(this, "brand") : undefined;
    if (typeof brand !== "symbol") return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && Reflect.get(value, brand) === true;
  }
}

/** Gives a class its name and its brand, on the prototype so that no instance pays for it. */
function brand(target: typeof TidingsError, name: string): void {
  Object.defineProperty(target, "brand", { value: brandOf(name) });
  Object.defineProperty(target.prototype, brandOf(name), { value: true });
  Object.defineProperty(target.prototype, "name", { value: name, configurable: true, writable: true });
}

/** The link to the server could not be made, or was lost while a reply was awaited. A lost command's fate is unknown. */
export class ConnectionError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("CONNECTION", message, options);
  }
}

/** Something did not happen in its time: `connectTimeout`, `commandTimeout`, `subscriptionTimeout`, a `receive`'s `timeout`. */
export class TimeoutError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("TIMEOUT", message, options);
  }
}

/** The peer sent bytes that are not RESP, or more than the limits allow. The connection is closed. */
export class ProtocolError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("PROTOCOL", message, options);
  }
}

/** An error reply of the server. `code` is its first word: `NOPERM`, `WRONGPASS`, `ERR`, … */
export class ServerError extends TidingsError {
  /** The command that was refused, in upper case, when known. */
  readonly command: string | null;
  /** The channels or patterns that were refused; empty where names play no part. */
  readonly names: readonly (string | Buffer)[];

  constructor(message: string, command: string | null = null, names: readonly (string | Buffer)[] = []) {
    super(/^[^\s]*/.exec(message)?.[0] || "ERR", withoutArguments(message));
    this.command = command;
    this.names = names;
  }

  /** The same refusal, with the command and the names it was about. */
  about(command: string, names: readonly (string | Buffer)[] = this.names): ServerError {
    return new ServerError(withVersion(this.message, command), command, names);
  }
}

/** Servers echo a command's arguments in some errors; an argument may be a password or a payload. */
function withoutArguments(message: string): string {
  const echo = message.indexOf(", with args beginning with");
  return echo < 0 ? message : message.slice(0, echo);
}

/** A Pub/Sub call could not do what was asked, for a reason that no other class names. */
export class PubSubError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("PUBSUB", message, options);
  }
}

/** The cluster cannot serve: no seed reachable, not a cluster, a loop of redirects. */
export class ClusterError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("CLUSTER", message, options);
  }
}

/** The client or consumer was closed before or while the call ran. */
export class ClosedError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("CLOSED", message, options);
  }
}

/** A wrong argument, found at the call, before anything was sent. */
export class ArgumentError extends TidingsError {
  constructor(message: string, options?: ErrorOptions) {
    super("ARGUMENT", message, options);
  }
}

/** A handler threw or rejected; `cause` is what it threw. Other messages and handlers go on undisturbed. */
export class HandlerError extends TidingsError {
  /** The channel of the message that the handler was given. */
  readonly channel: string | Buffer;
  /** The pattern the handler is registered for, or `null` for a channel's handler. */
  readonly pattern: string | Buffer | null;

  constructor(channel: string | Buffer, pattern: string | Buffer | null, cause: unknown) {
    const where = pattern === null ? `channel ${show(channel)}` : `pattern ${show(pattern)}`;
    super("HANDLER", `The handler of ${where} failed. Catch the error inside the handler, or listen to "error".`, {
      cause,
    });
    this.channel = channel;
    this.pattern = pattern;
  }
}

/** The codec refused a payload. The payload itself is on `raw`, which is not enumerable and never printed. */
export class CodecError extends TidingsError {
  /** The channel the payload arrived on. */
  readonly channel: string | Buffer;
  /** The payload's bytes, as received. */
  declare readonly raw: Buffer;
  // A decoder's own error often quotes its input (JSON.parse does), so the cause is readable but never printed.
  readonly #cause: unknown;

  constructor(channel: string | Buffer, raw: Buffer, cause: unknown) {
    super("CODEC", `The codec refused a payload on channel ${show(channel)}. Publisher and subscriber must agree.`);
    this.channel = channel;
    this.#cause = cause;
    Object.defineProperty(this, "raw", { value: raw, enumerable: false });
  }

  override get cause(): unknown {
    return this.#cause;
  }
}

// Node prints an inherited `cause` too.
Object.defineProperty(CodecError.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: CodecError) {
    return this.stack;
  },
});

const show = (name: string | Buffer): string => JSON.stringify(name.toString());

for (const [name, target] of Object.entries({
  TidingsError,
  ConnectionError,
  TimeoutError,
  ProtocolError,
  ServerError,
  PubSubError,
  ClusterError,
  ClosedError,
  ArgumentError,
  HandlerError,
  CodecError,
})) {
  brand(target as typeof TidingsError, name);
}
