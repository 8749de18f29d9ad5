import { type Client, ServerError } from "tidings";

/**
 * Kills the subscriber's connection from the side of the server, as a failover or an impatient administrator would.
 * Gives `null` when it is done, else why the server would not.
 */
export async function killSubscriber(admin: Client, clientName: string): Promise<string | null> {
  try {
    const list = String(await admin.call("CLIENT", "LIST", "TYPE", "pubsub"));
    const id = list
      .split("\n")
      .map((line) => new Map(line.split(" ").map((field) => splitOnce(field))))
      .find((fields) => fields.get("name") === clientName)
      ?.get("id");
    if (id === undefined) return "CLIENT LIST does not show it";
    const killed = await admin.call("CLIENT", "KILL", "ID", id);
    return killed === 1 ? null : "CLIENT KILL did not find it any more";
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    return `the server refuses (${error.message})`;
  }
}

function splitOnce(field: string): [name: string, value: string] {
  const end = field.indexOf("=");
  return [field.slice(0, end), field.slice(end + 1)];
}
