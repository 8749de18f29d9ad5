import type { ServerError } from "../errors.ts";

/** Where a node sends a command that it does not serve. */
export interface Redirect {
  /** `moved`: the slot is served there from now on. `ask`: for this one command, behind an ASKING. */
  readonly kind: "moved" | "ask";
  readonly slot: number;
  /** Empty: the host that answered. */
  readonly host: string;
  readonly port: number;
}

/** Reads `MOVED slot host:port` and `ASK slot host:port`; `null` for any other error. */
export function redirectOf({ code, message }: ServerError): Redirect | null {
  if (code !== "MOVED" && code !== "ASK") return null;
  const parts = /^\w+ (\d{1,5}) (.*):(\d{1,5})$/.exec(message);
  if (parts === null) return null;
  const [, slot, host = "", port] = parts;
  return {
    kind: code === "MOVED" ? "moved" : "ask",
    slot: Number(slot),
    host: unknownHost(host) ? "" : host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
  };
}

/** Whether a node said that it does not know the host name by which it can be reached. */
export function unknownHost(host: string): boolean {
  return host === "" || host === "?";
}

/** Errors of a cluster that will serve the slot later: nobody does yet, or its keys are on their way. */
export function isUnsettled({ code }: ServerError): boolean {
  return code === "CLUSTERDOWN" || code === "TRYAGAIN";
}
