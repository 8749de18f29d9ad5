// Checks the links between the pages of the built site, those of the reference among them.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dirname, normalize } from "node:path/posix";

/** @param {string} folder of the built site */
export function checkSite(folder) {
  const pages = new Map(
    readdirSync(folder, { recursive: true })
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => name.endsWith(".html"))
      .map((name) => [name, partsOf(readFileSync(join(folder, name), "utf8"))]),
  );
  const complaints = [];
  for (const [page, { links }] of pages) {
    for (const link of links) {
      const [path, anchor = ""] = link.split("#");
      const target = path === "" ? page : targetOf(page, path);
      const anchors = pages.get(target)?.anchors;
      if (anchors === undefined && !existsSync(join(folder, target))) {
        complaints.push(`${page}: ${link} leads to no page`);
      } else if (anchor !== "" && anchors !== undefined && !anchors.has(decodeURIComponent(anchor))) {
        complaints.push(`${page}: ${link} leads to no heading`);
      }
    }
  }
  return { pages: pages.size, complaints };
}

function partsOf(html) {
  const all = (pattern) => [...html.matchAll(pattern)].map(([, value]) => value.replaceAll("&amp;", "&"));
  const links = all(/\bhref="([^"]+)"/g).filter((link) => !/^(?:[a-z]+:|\/\/)/i.test(link));
  return { anchors: new Set(all(/\bid="([^"]+)"/g)), links: new Set(links) };
}

function targetOf(page, path) {
  const from = path.startsWith("/") ? path.slice(1) : `${dirname(page)}/${path}`;
  return normalize(from === "" || from.endsWith("/") ? `${from}index.html` : from);
}
