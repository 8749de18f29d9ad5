import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The server program the tests run. */
export interface ServerBinary {
  readonly path: string;
  readonly name: "redis" | "redict" | "valkey";
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

let found: ServerBinary | undefined;

/** The server named by `TIDINGS_SERVER`, or the first of `redis-server` and `valkey-server` on the PATH. */
export function serverBinary(): ServerBinary {
  found ??= inspect(process.env.TIDINGS_SERVER ?? onPath("redis-server") ?? onPath("valkey-server"));
  return found;
}

/** The full path of a program on the PATH. */
export function onPath(program: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function inspect(path: string | undefined): ServerBinary {
  if (path === undefined)
    throw new Error("put redis-server or valkey-server on the PATH, or its path in TIDINGS_SERVER");
  const line = execFileSync(path, ["--version"], { encoding: "utf8" });
  const match = /v=(?<major>\d+)\.(?<minor>\d+)\.\d+/.exec(line);
  if (match?.groups === undefined) throw new Error(`${path} --version says "${line.trim()}", which names no version`);
  const { major = "0", minor = "0" } = match.groups;
  return {
    path,
    name: /valkey/i.test(line) ? "valkey" : /redict/i.test(line) ? "redict" : "redis",
    version: match[0].slice(2),
    major: Number(major),
    minor: Number(minor),
  };
}
