// The site of the documentation: npm run docs, npm run docs:dev.

import { posix } from "node:path";
import { defineConfig } from "vitepress";
import { slug } from "../../scripts/docs/slug.mjs";
import { firstOf, referenceSidebar, sidebar } from "./sidebar.mjs";

const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='%235672cd' d='M1 3h14v2H9v9H7V5H1z'/></svg>";

export default defineConfig({
  title: "tidings",
  description:
    "Redis and Valkey Pub/Sub for TypeScript: every message the server sent you, or the exact gap you missed.",
  lang: "en",
  // An icon of one character, so that browsers ask for none.
  head: [["link", { rel: "icon", href: ICON }]],
  cleanUrls: false,
  markdown: {
    anchor: { slugify: slug },
    toc: { slugify: slug },
    config: (markdown) => markdown.core.ruler.push("links-out-of-docs", linksOutOfDocs),
  },
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: firstOf("Guides") },
      { text: "Operate", link: firstOf("Operate") },
      { text: "Reference", link: "/reference/" },
    ],
    sidebar: { "/reference/": referenceSidebar(), "/": sidebar() },
    outline: { level: [2, 3] },
    // All words of a query must be found: names such as TIDINGS_DROPPED are several words to it.
    search: { provider: "local", options: { miniSearch: { searchOptions: { combineWith: "AND" } } } },
  },
});

/** Files beside docs that are pages of the site, each with its path there. */
const PAGES = [
  [/^README\.md$/, () => "/start"],
  [/^(CHANGELOG|CONTRIBUTING|SECURITY)\.md$/, (_, name) => `/project/${name.toLowerCase()}`],
  [/^examples(\/recipes)?\/?$/, () => "/examples"],
  [/^examples\/((?:recipes\/)?[\w-]+)\.(?:ts|mjs)$/, (_, name) => `/examples/${name}`],
];

/** In the repository documents link to files beside docs; on the site the links lead to the pages made of them. */
function linksOutOfDocs({ tokens, env }) {
  const here = posix.dirname(`docs/${env.relativePath ?? ""}`);
  for (const { children } of tokens) {
    for (const token of children ?? []) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (href === null || /^([a-z]+:|\/|#)/i.test(href)) continue;
      const [path, anchor] = href.split("#");
      const file = posix.join(here, path);
      if (file.startsWith("docs/")) {
        token.attrSet("href", `/${file.slice("docs/".length)}${anchor ? `#${anchor}` : ""}`);
        continue;
      }
      for (const [pattern, page] of PAGES) {
        if (pattern.test(file)) token.attrSet("href", file.replace(pattern, page) + (anchor ? `#${anchor}` : ""));
      }
    }
  }
}
