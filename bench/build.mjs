// The library as it is published: the build in dist, found through the root's package.json.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const manifest = () => JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The version in the root's package.json. */
export function tidingsVersion() {
  return manifest().version;
}

/** The URL of the built module. */
export function tidingsModule() {
  return pathToFileURL(builtFile()).href;
}

/** Whether dist is there and newer than everything in src. */
export function buildIsCurrent() {
  const built = modifiedAt(builtFile());
  return built > 0 && sourceFiles().every((path) => modifiedAt(path) <= built);
}

/** Whether there is a build at all. */
export function buildExists() {
  return modifiedAt(builtFile()) > 0;
}

function builtFile() {
  return join(root, manifest().exports["."].import.default);
}

function sourceFiles() {
  return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
