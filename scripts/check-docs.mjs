// npm run check -- docs: type-checks the TypeScript in README.md and docs. Each ```ts block that imports something is a
// program of its own; blocks without an import show shapes, not programs.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const folder = join(root, ".docs-check");
const documents = ["README.md", ...findDocuments()];
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
try {
  let count = 0;
  for (const document of documents) {
    const text = readFileSync(join(root, document), "utf8");
    for (const [i, [, code]] of [...text.matchAll(/^```ts\n(.*?)^```/gms)].entries()) {
      if (!/^import /m.test(code)) continue;
      const name = `${document.replaceAll(/\W/g, "-")}-${i}.ts`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
      count++;
    }
  }
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { paths: { tidings: ["../src/index.ts"], "tidings/*": ["../src/*.ts"] }, noUnusedLocals: false },
      include: ["*.ts"],
      exclude: [],
    }),
  );
  const { status } = spawnSync("npx", ["--no-install", "tsc", "-p", folder], { cwd: root, stdio: "inherit" });
  console.log(`${count} programs in ${documents.length} documents`);
  process.exitCode = status === 0 && count > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function findDocuments() {
  const names = readdirSync(join(root, "docs"), { recursive: true });
  return names.filter((name) => name.endsWith(".md")).map((name) => join("docs", name));
}
