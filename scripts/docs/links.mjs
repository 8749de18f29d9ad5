// Checks the links of the documents: files exist, anchors are headings, and no page of the site is left without a link.

import { existsSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { root } from "../setup.mjs";
import { read, withoutCode } from "./documents.mjs";
import { slug } from "./slug.mjs";

const LINK = /\[(?:[^[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|(?:href|src)="([^"]+)"/g;
/** Pages that the site makes: from docstrings, from examples, from documents at the top. */
const MADE = /^docs\/(reference|examples|project)(\/|$)/;

/** @param {readonly string[]} documents; returns the complaints. */
export function checkLinks(documents) {
  const anchors = new Map();
  const anchorsOf = (path) => {
    if (!anchors.has(path)) anchors.set(path, new Set(headings(read(path)).map(({ anchor }) => anchor)));
    return anchors.get(path);
  };
  const complaints = [];
  for (const document of documents) {
    for (const { target, line } of linksOf(read(document))) {
      if (/^[a-z]+:/i.test(target)) continue;
      const [file, anchor] = target.split("#");
      const path = file === "" ? document : pathOf(document, file);
      const complain = (why) => complaints.push(`${document}:${line}: ${target} ${why}`);
      if (MADE.test(path)) continue;
      if (!existsSync(join(root, path))) complain("leads to no file");
      else if (anchor === undefined || anchor === "") continue;
      else if (!path.endsWith(".md") || statSync(join(root, path)).isDirectory())
        complain("has an anchor in no document");
      else if (!anchorsOf(path).has(anchor)) complain("leads to no heading");
    }
  }
  return complaints;
}

/** A path from the root. A link that begins with a slash is one of the site. */
function pathOf(document, file) {
  const path = file.startsWith("/") ? `docs${file}` : join(dirname(document), file);
  return normalize(decodeURIComponent(path)).replace(/\/$/, "");
}

function* linksOf(text) {
  const lines = withoutCode(text).split("\n");
  for (const [index, line] of lines.entries()) {
    for (const [, inline, html] of line.replace(/`[^`]*`/g, "").matchAll(LINK)) {
      yield { target: inline ?? html, line: index + 1 };
    }
  }
}

/** The headings of a document with their anchors: a second one of the same text gets "-1". */
export function headings(text) {
  const seen = new Map();
  return [...withoutCode(text).matchAll(/^#{1,6} +(.+?)(?: *\{#([\w-]+)\})?$/gm)].map(([, heading, named]) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
    const base = named ?? slug(plain);
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    return { heading: plain, anchor: count === 0 ? base : `${base}-${count}` };
  });
}
