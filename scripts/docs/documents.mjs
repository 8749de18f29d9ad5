// The Markdown documents that users read, and their parts.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";

/** Folders of docs without documents of our own: packages, what is made, and templates of pages. */
const LEFT_OUT = /^docs\/(node_modules|\.vitepress|reference|examples|project)\//;
const AT_THE_TOP = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "bench/README.md"];

/** Paths from the root, with slashes. */
export function documents() {
  return [...AT_THE_TOP.filter((name) => existsSync(join(root, name))), ...markdownIn("docs")];
}

function markdownIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (LEFT_OUT.test(`${path}/`)) return [];
    if (entry.isDirectory()) return markdownIn(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

export function read(path) {
  return readFileSync(join(root, path), "utf8");
}

/** The fenced blocks of code, each with the number of its first line. */
export function* codeBlocks(text) {
  for (const match of text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```/gms)) {
    const [, language, code] = match;
    yield { language, code, line: text.slice(0, match.index).split("\n").length + 1 };
  }
}

/** The text with blocks of code as empty lines, so that the numbers of lines stay. */
export function withoutCode(text) {
  return text.replace(/^```.*?^```/gms, (block) => block.replace(/[^\n]+/g, ""));
}
