// Type-checks the TypeScript and JavaScript in the documents, each block as a program of its own. A block without an import
// is a piece of a program: everything of tidings is imported for it, and a client and a consumer are given.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";
import { codeBlocks, read } from "./documents.mjs";

const folder = join(root, ".docs-check");

/** Stands before a piece of a program, in one line, so that the compiler's line numbers are off by one only. */
const PRELUDE = `import { ${exportsOf("src/index.ts").join(", ")} } from "tidings";`;
/** What the pieces take as given. Globals, so that a piece may declare its own. */
const GIVEN = `import type * as tidings from "tidings";
declare global {
  const client: tidings.Redis;
  const cluster: tidings.RedisCluster;
  const consumer: tidings.PubSub;
}
`;

const elsewhere = librariesElsewhere();

/** @param {readonly string[]} documents; returns how many blocks there are, or -1 if one is wrong. */
export function checkSnippets(documents) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  try {
    const places = new Map();
    for (const document of documents) {
      for (const { language, code, line } of codeBlocks(read(document))) {
        if (language !== "ts" && language !== "js") continue;
        const name = `${document.replaceAll(/\W/g, "-")}-${line}.${language === "js" ? "mjs" : "ts"}`;
        writeFileSync(join(folder, name), `${firstLine(language, code)}\n${code}\nexport {};\n`);
        places.set(name, { document, line });
      }
    }
    writeFileSync(join(folder, "given.d.ts"), GIVEN);
    const modules = elsewhere.map((name) => `declare module "${name}";\ndeclare module "${name}/*";\n`);
    writeFileSync(join(folder, "elsewhere.d.ts"), modules.join(""));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings()));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8",
    });
    process.stdout.write(withPlaces(stdout, places));
    return status === 0 && places.size > 0 ? places.size : -1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What stands in the line before a block. */
function firstLine(language, code) {
  if (!/^import /m.test(code)) return PRELUDE;
  // In JavaScript types are inferred from the library alone, and it is not here.
  const isElsewhere = elsewhere.some((name) => code.includes(`from "${name}`));
  return language === "js" && isElsewhere ? "// @ts-nocheck" : "";
}

/** Libraries that are installed, and whose programs are compiled, in test/ecosystem: here nothing is known of them. */
function librariesElsewhere() {
  const path = join(root, "test/ecosystem/package.json");
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(path, "utf8"));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return names.filter((name) => !existsSync(join(root, "node_modules", name)));
}

function settings() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const paths = Object.keys(exports)
    .filter((path) => !path.endsWith(".json"))
    .map((path) => [path.replace(".", "tidings"), [`../src/${path === "." ? "index" : path.slice(2)}.ts`]]);
  return {
    extends: "../tsconfig.json",
    compilerOptions: {
      paths: Object.fromEntries(paths),
      allowJs: true,
      checkJs: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      noImplicitAny: true,
    },
    include: ["*.ts", "*.mjs"],
    exclude: [],
  };
}

/** Says where in the documents an error is. */
function withPlaces(output, places) {
  return output.replace(/^([\w-]+\.m?[jt]s)\((\d+),(\d+)\)/gm, (all, name, line, column) => {
    const place = places.get(name);
    return place === undefined ? all : `${place.document}:${place.line + Number(line) - 2}:${column}`;
  });
}

/** The names that a module exports by clauses. */
function exportsOf(path) {
  const clauses = readFileSync(join(root, path), "utf8").matchAll(/^export (type )?\{([^}]*)\}/gm);
  return [...clauses].flatMap(([, type, names]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => (type && !name.startsWith("type ") ? `type ${name}` : name)),
  );
}
