import type { ControlClient } from "./control-client.ts";

/** One line of `CLIENT LIST`. What a server's version does not tell is 0 or "". */
export interface ClientRecord {
  readonly id: number;
  readonly addr: string;
  readonly name: string;
  readonly user: string;
  readonly db: number;
  readonly flags: string;
  readonly cmd: string;
  /** Subscriptions: channels, patterns, shard channels. */
  readonly sub: number;
  readonly psub: number;
  readonly ssub: number;
  readonly resp: number;
  readonly libName: string;
  readonly libVer: string;
  /** Every field as the server wrote it, `omem` and the like. */
  readonly fields: ReadonlyMap<string, string>;
}

/** All connections of a server, the control connection among them. */
export async function clientList(control: ControlClient): Promise<ClientRecord[]> {
  const lines = String(await control.command("CLIENT", "LIST")).split("\n");
  return lines.filter((line) => line.trim() !== "").map(parseClient);
}

/** The connections that have at least one subscription. */
export async function subscriberClients(control: ControlClient): Promise<ClientRecord[]> {
  return (await clientList(control)).filter(({ sub, psub, ssub }) => sub + psub + ssub > 0);
}

/** Ends one connection from the server's side. */
export async function killClient(control: ControlClient, id: number): Promise<void> {
  await control.command("CLIENT", "KILL", "ID", id);
}

/** Ends every connection that has a subscription, and gives their number. */
export async function killSubscribers(control: ControlClient): Promise<number> {
  return Number(await control.command("CLIENT", "KILL", "TYPE", "pubsub"));
}

/** Reads one line of `CLIENT LIST`. */
function parseClient(line: string): ClientRecord {
  const fields = new Map<string, string>();
  for (const field of line.trim().split(" ")) {
    const equals = field.indexOf("=");
    if (equals > 0) fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  const word = (name: string): string => fields.get(name) ?? "";
  const count = (name: string): number => Number(fields.get(name) ?? 0);
  return {
    id: count("id"),
    addr: word("addr"),
    name: word("name"),
    user: word("user"),
    db: count("db"),
    flags: word("flags"),
    cmd: word("cmd"),
    sub: count("sub"),
    psub: count("psub"),
    ssub: count("ssub"),
    resp: count("resp"),
    libName: word("lib-name"),
    libVer: word("lib-ver"),
    fields,
  };
}
