import { spawnSync } from "node:child_process";
import { programs } from "../server-process.ts";

/** A server program for the cluster. */
export interface Program {
  readonly path: string;
  /** Its name and version. */
  readonly about: string;
}

/** Finds a server that knows shard channels (7.0); else gives why there is none. */
export function findProgram(): Program | string {
  const found: string[] = [];
  for (const path of programs) {
    const { stdout, error } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (error !== undefined) continue;
    const [, name = "Redis", version = "0"] = /^(\w+).* v=(\S+)/.exec(stdout) ?? [];
    if (Number.parseInt(version, 10) >= 7) return { path, about: `${name} ${version}` };
    found.push(`${path} is ${name} ${version}, and shard channels need 7.0`);
  }
  return found.join("; ") || process.env.TIDINGS_NO_SERVER || `${programs.join(" or ")} cannot be started`;
}
