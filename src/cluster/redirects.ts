import type { ServerError } from "../errors.ts";
import { SLOTS } from "./slot.ts";

/** Where a node sends a command that it does not serve. */
export interface Redirect {
  /** `moved`: the slot is served there from now on. `ask`: for this one command, behind an ASKING. */
  readonly kind: "moved" | "ask";
  readonly slot: number;
  /** Empty: the node that answered does not know it. */
  readonly host: string;
  readonly port: number;
}

/** Where a node is reached. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** Reads `MOVED slot host:port` and `ASK slot host:port`; `null` for any other error, and where that names no node. */
export function redirectOf({ code, message }: ServerError): Redirect | null {
  if (code !== "MOVED" && code !== "ASK") return null;
  const parts = /^\w+ (\d{1,5}) (.*):(\d{1,5})$/.exec(message);
  if (parts === null) return null;
  const [, slot, announced = "", port] = parts;
  const host = announced.replace(/^\[(.*)\]$/, "$1");
  if (Number(slot) >= SLOTS || !isPort(Number(port)) || !(unknownHost(host) || isHostName(host))) return null;
  return {
    kind: code === "MOVED" ? "moved" : "ask",
    slot: Number(slot),
    host: unknownHost(host) ? "" : host,
    port: Number(port),
  };
}

/**
 * The address that a redirect means, as announced. Where it names no host, that is a node that is known by its port, or
 * the host that answered; `null` where that is the very node that answered: then only the topology can give the address.
 */
export function targetOf({ host, port }: Redirect, answered: Place | null, known: Iterable<Place>): Place | null {
  if (host !== "") return { host, port };
  if (answered === null || answered.port === port) return null;
  const others = [...known].filter((node) => node.port === port);
  const here = others.length === 1 ? others[0] : undefined;
  return { host: here?.host ?? answered.host, port };
}

/** Whether a node said that it does not know the host name by which it can be reached. */
export function unknownHost(host: string): boolean {
  return host === "" || host === "?";
}

/**
 * Whether what a node announces as a host can be one: no blanks, no control characters (nor such as
 * are escaped), and not too long.
 */
export function isHostName(host: unknown): host is string {
  return typeof host === "string" && !unknownHost(host) && /^[^\s\p{C}\\]{1,255}$/u.test(host);
}

/** Whether the number is that of a port. */
export function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

/**
 * Errors of a cluster that will serve the slot later: no node does yet, its keys are on their way, or a redirect names no
 * node.
 */
export function isUnsettled(error: ServerError): boolean {
  const { code } = error;
  if (code === "MOVED" || code === "ASK") return redirectOf(error) === null;
  return code === "CLUSTERDOWN" || code === "TRYAGAIN";
}
