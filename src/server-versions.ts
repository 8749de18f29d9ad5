/** Commands that older servers lack, and the first Redis that has them. Every Valkey does. */
const since: ReadonlyMap<string, string> = new Map([
  ["SSUBSCRIBE", "7.0"],
  ["SUNSUBSCRIBE", "7.0"],
  ["SPUBLISH", "7.0"],
  ["SHARDCHANNELS", "7.0"],
  ["SHARDNUMSUB", "7.0"],
]);

/** A server's error message; where the server lacks the command, with the version that has it. */
export function withVersion(message: string, command: string): string {
  if (!/unknown (sub)?command/i.test(message)) return message;
  const subcommand = /'(\w+)'/.exec(message)?.[1]?.toUpperCase() ?? "";
  const name = since.has(command) ? command : command === "PUBSUB" ? `PUBSUB ${subcommand}` : "";
  const version = since.get(name.replace("PUBSUB ", ""));
  const told = `${name} needs Redis ${version ?? ""} or any Valkey`;
  return version === undefined || message.includes(told) ? message : `${message.replace(/\.$/, "")}. ${told}.`;
}
