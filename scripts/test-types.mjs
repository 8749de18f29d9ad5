// npm run test:types: the built declarations, as users compile them: with the oldest and the newest TypeScript that is
// promised and the oldest and the newest @types/node, checked in full and with `skipLibCheck`.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";
import { fail, installPackages, npm, root } from "./setup.mjs";

const COMPILERS = ["5.4.5", "6.0.3"];
const NODES = ["20.19.43", "26.6.7"];
/** These types of Node do not compile themselves with this compiler: there `skipLibCheck` is what users have. */
const UNFIT = new Set(["5.4.5 with 26.6.7"]);

installPackages();
if (npm("run", "--silent", "build") !== 0) {
  fail("the build failed");
}

const folder = mkdtempSync(join(tmpdir(), "tidings-types-"));
let passed = 0;
const failures = [];
try {
  for (const compiler of COMPILERS) {
    for (const node of NODES) {
      for (const skipLibCheck of [false, true]) {
        if (skipLibCheck || !UNFIT.has(`${compiler} with ${node}`)) {
          compile(compiler, node, skipLibCheck);
        }
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(failures.map((failure) => `FAILED: ${failure}`).join("\n"));
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

function compile(compiler, node, skipLibCheck) {
  const title = `TypeScript ${compiler}, @types/node ${node}${skipLibCheck ? ", skipLibCheck" : ""}`;
  const place = join(folder, `${compiler}-${node}-${skipLibCheck}`);
  const modules = join(place, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  symlinkSync(join(installed("@types/node", node), "@types", "node"), join(modules, "@types", "node"));
  const types = join(installed("@types/node", node), "undici-types");
  if (existsSync(types)) {
    symlinkSync(types, join(modules, "undici-types"));
  }
  // Not a link: beside this folder's own packages optional peers would be found.
  for (const name of ["package.json", "dist"]) {
    cpSync(join(root, name), join(modules, "tidings", name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules", "@standard-schema"), join(modules, "@standard-schema"));
  symlinkSync(join(root, "test", "types-matrix", "program.ts"), join(place, "program.ts"));
  const compilerOptions = {
    module: "nodenext",
    moduleResolution: "nodenext",
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    strict: true,
    noEmit: true,
    types: ["node"],
    preserveSymlinks: true,
    skipLibCheck,
  };
  writeFileSync(join(place, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const tsc = join(installed("typescript", compiler), "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", place], { encoding: "utf8" });
  if (status === 0) {
    passed++;
    console.log(`ok ${title}`);
  } else {
    failures.push(`${title}: ${stdout.split("\n", 3).join(" ")}`);
  }
}

/** The node_modules of a folder that holds this one package, installed now if it is not in the cache. */
function installed(name, version) {
  const place = cacheFolder("types", `${name.replace("/", "-")}@${version}`);
  const modules = join(place, "node_modules");
  if (!existsSync(join(modules, name, "package.json"))) {
    console.log(`tidings: installing ${name}@${version} into ${place}`);
    const wanted = `${name}@${version}`;
    if (npm("install", "--prefix", place, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", wanted) !== 0) {
      fail(`npm could not install ${wanted}`);
    }
  }
  return modules;
}
