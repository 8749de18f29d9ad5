// The package in dist, built anew where it is missing or older than its sources.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { npm, root } from "./setup.mjs";

const BUILT = ["dist/index.js", "dist/index.d.ts"];

/** Whether there is a build at all. */
export function buildExists() {
  return builtAt() > 0;
}

/** Whether the build is there and newer than everything that it is made of. */
export function buildIsCurrent() {
  const sources = readdirSync(join(root, "src"), { recursive: true }).map((path) => join("src", path));
  const newest = [...sources, "package.json", "tsdown.config.ts", "tsconfig.src.json"].map(modifiedAt);
  return builtAt() > Math.max(...newest);
}

/** Builds if need be; returns npm's exit code. */
export function ensureBuild() {
  return buildIsCurrent() ? 0 : npm("run", "--silent", "build");
}

function builtAt() {
  return Math.min(...BUILT.map(modifiedAt));
}

function modifiedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
