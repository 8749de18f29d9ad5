// npm run docs: makes the site of the documentation, docs/.vitepress/dist. npm run docs:dev: serves it while pages change.
// The reference is made from the docstrings (docs/reference). Its tools are of a package of its own, docs/package.json,
// installed here where they are missing.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSite } from "./docs/site.mjs";
import { fail, installPackages, root, run } from "./setup.mjs";

const folder = join(root, "docs");
const [command = "build"] = process.argv.slice(2);

installPackages();
installPackages(folder);
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const surfaces = Object.keys(exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => join(root, "src", `${path === "." ? "index" : path.slice(2)}.ts`));
if (runTool("typedoc", ["--options", join(folder, "typedoc.json"), ...surfaces]) !== 0) {
  fail("the reference could not be made; TypeDoc's own message is above");
}
if (runTool("vitepress", [command, "docs"]) !== 0) {
  fail("the site could not be made; VitePress' own message is above");
}
if (command === "build") {
  const site = join(folder, ".vitepress/dist");
  const { pages, complaints } = checkSite(site);
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) {
    fail("links of the site lead nowhere; they are listed above");
  }
  console.log(`the site is in docs/.vitepress/dist: ${pages} pages, all links between them lead somewhere`);
}

function runTool(name, args) {
  const manifest = join(folder, "node_modules", name, "package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  return run(process.execPath, [
    join(folder, "node_modules", name, typeof bin === "string" ? bin : bin[name]),
    ...args,
  ]);
}
