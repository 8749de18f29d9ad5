import { serverBinary } from "../../../test/support/server-binary.ts";
import { has } from "../../../test/support/server-features.ts";

/** A server program for the cluster. */
export interface Program {
  /** Its name and version. */
  readonly about: string;
}

/** Finds a server that knows shard channels (7.0); else gives why there is none. */
export function findProgram(): Program | string {
  if (process.env.TIDINGS_NO_SERVER) return process.env.TIDINGS_NO_SERVER;
  const binary = serverBinary();
  const about = `${binary.name === "valkey" ? "Valkey" : "Redis"} ${binary.version}`;
  return has("shardChannels", binary) ? { about } : `${binary.path} is ${about}, and shard channels need 7.0`;
}
