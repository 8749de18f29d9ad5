// npm run check -- public: compares the declarations that users see, as built, with those in
// test/types/public-declarations.txt, so that a change of the public surface is seen. Comments, order and formatting do
// not count. After a change that is meant: node scripts/check-public.mjs --update

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ensureBuild } from "./current-build.mjs";
import { fail, root } from "./setup.mjs";

const SNAPSHOT = "test/types/public-declarations.txt";
const UPDATE = "node scripts/check-public.mjs --update";
/** How many lines of a difference are shown. */
const SHOWN = 40;

if (ensureBuild() !== 0) {
  fail("the build failed; its own message is above");
}
const { exports: entries } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const now = Object.entries(entries)
  .filter(([, entry]) => typeof entry === "object")
  .map(
    ([
      name,
      {
        import: { types },
      },
    ]) => `// ${name}\n${declarationsOf(readFileSync(join(root, types), "utf8"))}`,
  )
  .join("");
if (process.argv.includes("--update")) {
  writeFileSync(join(root, SNAPSHOT), now);
  console.log(`${SNAPSHOT} is up to date; commit it, with a line in CHANGELOG.md if users notice the change`);
} else {
  compare(readSnapshot(), now);
}

/** The declarations without comments and private members, in the order of their names; overloads keep theirs. */
function declarationsOf(text) {
  const file = ts.createSourceFile("public.d.ts", text, ts.ScriptTarget.Latest, true);
  const printer = ts.createPrinter({ removeComments: true });
  const print = (node) => printer.printNode(ts.EmitHint.Unspecified, node, file);
  const declarations = [];
  const exported = [];
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement)) {
      exported.push(...statement.exportClause.elements.map((element) => `export ${print(element)};`));
    } else {
      const code = print(statement)
        .split("\n")
        .filter((line) => !/^\s*(#private|private [^(]+);$/.test(line))
        .join("\n");
      declarations.push({ name: nameOf(statement), code });
    }
  }
  declarations.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  return `${[...declarations.map(({ code }) => code), ...exported.sort()].join("\n")}\n`;
}

function nameOf(statement) {
  if (ts.isImportDeclaration(statement)) {
    return ` ${statement.moduleSpecifier.text}`;
  }
  const [declaration] = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
  return declaration.name?.text ?? "";
}

function readSnapshot() {
  try {
    return readFileSync(join(root, SNAPSHOT), "utf8");
  } catch {
    return fail(`${SNAPSHOT} is missing: ${UPDATE}`);
  }
}

function compare(before, after) {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  if (before === after) {
    console.log(`the public declarations are those of ${SNAPSHOT}`);
    return;
  }
  const lines = [...without(old, fresh).map((line) => `- ${line}`), ...without(fresh, old).map((line) => `+ ${line}`)];
  console.error(`The public declarations differ from ${SNAPSHOT}:`);
  console.error(lines.length === 0 ? "(the order of their lines)" : lines.slice(0, SHOWN).join("\n"));
  if (lines.length > SHOWN) {
    console.error(`and ${lines.length - SHOWN} lines more`);
  }
  console.error(`If this change is meant: ${UPDATE}`);
  process.exitCode = 1;
}

/** The lines of one text that the other one lacks; one that occurs more often in the first is listed as often. */
function without(lines, others) {
  const left = new Map();
  for (const line of others) {
    left.set(line, (left.get(line) ?? 0) + 1);
  }
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
