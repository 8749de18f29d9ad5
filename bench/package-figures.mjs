// What a package is before it does anything: its size once installed, how many others it brings, the time to import it.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../scripts/setup.mjs";
import { tidingsModule } from "./build.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** What a client is called where it is installed. */
const PACKAGES = { "node-redis": "redis", ioredis: "ioredis" };
/**
 * @param {string} client
 * @returns {{ import: number, size: number, packages: number }} milliseconds, KiB, and a number
 */
export function measurePackage(client) {
  const ours = client === "tidings";
  const folder = ours ? root : join(here, "node_modules", PACKAGES[client]);
  const brought = [...dependenciesOf(folder, ours ? root : here)];
  const own = ours ? packedSize(folder) : sizeOf(folder);
  return {
    import: importTime(ours ? tidingsModule() : PACKAGES[client]),
    size: brought.reduce((sum, path) => sum + sizeOf(path), own) / 1024,
    packages: brought.length,
  };
}

/** The folders of all that a package depends on, directly or not. */
function dependenciesOf(folder, top, found = new Set()) {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    const nested = join(folder, "node_modules", name);
    const path = existsSync(nested) ? nested : join(top, "node_modules", name);
    if (!found.has(path)) {
      found.add(path);
      dependenciesOf(path, top, found);
    }
  }
  return found;
}

/** Bytes of the package as it would be published. */
function packedSize(folder) {
  const { stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: folder,
    encoding: "utf8",
  });
  // A list, or with newer versions of npm an object by name.
  const [packed] = Object.values(JSON.parse(stdout || "[]"));
  if (packed === undefined) {
    throw new Error(`npm pack: ${stderr}`);
  }
  return packed.unpackedSize;
}

/** Bytes of a file, or of a folder's files without the packages nested in it. */
function sizeOf(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) {
    return found?.size ?? 0;
  }
  return readdirSync(path)
    .filter((name) => name !== "node_modules")
    .reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** Milliseconds in a process that does nothing else. */
function importTime(what) {
  const code = `const from = performance.now(); await import(${JSON.stringify(what)}); console.log(performance.now() - from); process.exit();`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: here,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Error(`importing ${what}: ${stderr}`);
  }
  return Number(stdout);
}
