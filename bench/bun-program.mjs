// Where npm has put Bun, if it could.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "bun", "bin", "bun.exe");

/** The path of the program; it is called so on every platform. */
export function bunProgram() {
  return PROGRAM;
}

/** Whether it is there. */
export function hasBun() {
  return existsSync(PROGRAM);
}
