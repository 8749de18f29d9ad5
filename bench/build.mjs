// The library as it is published: the build in dist, found through the root's package.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../scripts/setup.mjs";

const manifest = () => JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The version in the root's package.json. */
export function tidingsVersion() {
  return manifest().version;
}

/** The URL of the built module, or of a subpath's. */
export function tidingsModule(subpath = ".") {
  return pathToFileURL(join(root, manifest().exports[subpath].import.default)).href;
}
