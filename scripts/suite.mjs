// Runs the test suite once, on a server and with a Node that are named, and gives what it came to.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBin } from "./setup.mjs";

/**
 * Runs vitest with these arguments. `totals` holds `passed`, `failed`, `skipped` and the lines of the `failures`; it is null
 * where the run broke off before it could tell them.
 */
export function runSuite(args, { server, node }) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-totals-"));
  const file = join(folder, "totals.json");
  const code = runBin("vitest", ["run", ...args], { TIDINGS_SERVER: server, TIDINGS_TOTALS: file }, node);
  const totals = readTotals(file);
  rmSync(folder, { recursive: true });
  return { ok: code === 0 && totals !== null && totals.passed > 0, totals };
}

/** `12 passed, 0 failed, 1 skipped`, or what happened instead. */
export function totalsText(totals) {
  if (totals === null) {
    return "broke off without totals";
  }
  const { passed, failed, skipped } = totals;
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function readTotals(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
