import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";

const directories = new Set<string>();

atExit(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new directory, removed when this process ends if not before. Its path is short enough for a Unix socket. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-"));
  directories.add(directory);
  return directory;
}

/** Removes a temporary directory and what is in it. */
export function removeDirectory(directory: string): void {
  directories.delete(directory);
  rmSync(directory, { recursive: true, force: true });
}
