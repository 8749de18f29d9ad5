// npm run test:ecosystem: libraries that expect a client of ioredis or node-redis, on the faces of tidings/compat. They are
// installed into test/ecosystem, with this package as it would be published; what users write is compiled there too.
// npm run test:ecosystem -- nest: only files whose path contains that.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureBuild } from "./current-build.mjs";
import { obtainServer } from "./install-server.mjs";
import { fail, installPackages, npm, root, run, runBin } from "./setup.mjs";

const folder = join(root, "test/ecosystem");

installPackages();
const { path, reason } = obtainServer();
const env = { TIDINGS_SERVER: path ?? fail(reason) };
if (ensureBuild() !== 0) {
  fail("the build failed; its own message is above");
}
installLibraries();
installThisPackage();
copyRecipes();

const filters = process.argv.slice(2);
const compiler = join(root, "node_modules/typescript/bin/tsc");
process.exitCode =
  run(process.execPath, [compiler, "-p", folder]) ||
  runBin("vitest", ["run", "--config", join(folder, "vitest.config.ts"), ...filters], env);

/** The libraries of the lock file, if what is installed differs from it. */
function installLibraries() {
  const [wanted, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) => {
    const lock = join(folder, file);
    return existsSync(lock) ? JSON.parse(readFileSync(lock, "utf8")).packages : {};
  });
  const current = Object.entries(wanted).every(
    ([at, { version, optional }]) =>
      at === "" || installed[at]?.version === version || (optional === true && installed[at] === undefined),
  );
  if (current) {
    return;
  }
  console.log("tidings: installing the libraries of test/ecosystem, about 130 MB");
  if (npm("ci", "--prefix", folder, "--no-audit", "--no-fund") !== 0) {
    fail("npm ci failed; its own message is above");
  }
}

/** What is published, where the libraries lie: by the package's own list, not by a link, which would find other libraries. */
function installThisPackage() {
  const target = join(folder, "node_modules/tidings");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const name of ["package.json", "dist"]) {
    cpSync(join(root, name), join(target, name), { recursive: true });
  }
}

/** The recipes of examples/, where they find the libraries that they are for. */
function copyRecipes() {
  const target = join(folder, "recipes");
  rmSync(target, { recursive: true, force: true });
  cpSync(join(root, "examples/recipes"), target, { recursive: true });
}
