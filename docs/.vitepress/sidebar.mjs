// What the site lists. A page that does not exist (yet) is left out, so a new page needs its line here and nothing else.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL("../", import.meta.url));

/** Sections with their pages: a title and a path in docs. What begins with a slash is made by the site itself. */
const SECTIONS = [
  [
    "Start",
    [
      ["Start", "start"],
      ["Examples", "examples"],
    ],
  ],
  [
    "Concepts",
    [
      ["What Pub/Sub guarantees", "concepts/pubsub"],
      ["Gaps and windows", "concepts/gaps"],
      ["Back-pressure", "concepts/back-pressure"],
      ["Reconnecting", "concepts/reconnecting"],
      ["When things fail", "concepts/faults"],
      ["Own and shared consumers", "concepts/consumers"],
      ["Classic and sharded", "concepts/sharded"],
    ],
  ],
  [
    "Guides",
    [
      ["Handlers", "guides/handlers"],
      ["Iterators", "guides/iterators"],
      ["Closing and draining", "guides/closing"],
      ["Codecs and schemas", "guides/codecs"],
      ["TypeScript", "guides/typescript"],
      ["Testing", "testing"],
      ["Tracing and metrics", "guides/tracing"],
      ["Logging", "guides/logging"],
    ],
  ],
  ["Recipes", [["Recipes", "recipes"]]],
  [
    "Operate",
    [
      ["Deployment checklist", "operate/checklist"],
      ["Servers' settings", "operate/server-settings"],
      ["What to watch", "operate/what-to-watch"],
      ["Troubleshooting", "operate/troubleshooting"],
      ["Error codes", "operate/errors"],
      ["Security", "/project/security", "../SECURITY.md"],
    ],
  ],
  [
    "Deployments",
    [
      ["A single server", "deploy/single-server"],
      ["Sentinel", "deploy/sentinel"],
      ["Cluster", "deploy/cluster"],
      ["Kubernetes", "deploy/kubernetes"],
      ["Managed services", "deploy/managed"],
      ["TLS", "deploy/tls"],
      ["Credentials", "deploy/credentials"],
    ],
  ],
  [
    "Coming from",
    [
      ["coredis", "coming-from/coredis"],
      ["ioredis", "coming-from/ioredis"],
      ["node-redis", "coming-from/node-redis"],
      ["Libraries it works with", "works-with"],
    ],
  ],
  [
    "Reference",
    [
      ["At a glance", "api"],
      ["Every name and option", "/reference/", "."],
      ["Reliability", "reliability"],
      ["Performance", "performance"],
      ["Servers that are tested", "servers"],
    ],
  ],
  [
    "The project",
    [
      ["Architecture", "architecture"],
      ["Decisions", "adr/index"],
      ["Contributing", "/project/contributing", "../CONTRIBUTING.md"],
      ["Changelog", "/project/changelog", "../CHANGELOG.md"],
    ],
  ],
];

const exists = ([, page, source = `${page}.md`]) => existsSync(`${docs}${source}`);

/** The sidebar, as VitePress takes it. */
export function sidebar() {
  return SECTIONS.map(([text, pages]) => ({
    text,
    collapsed: false,
    items: pages.filter(exists).map(([title, page]) => ({
      text: title,
      link: page.startsWith("/") ? page : `/${page.replace(/index$/, "")}`,
    })),
  })).filter(({ items }) => items.length > 0);
}

/** The sidebar of the reference: what TypeDoc lists. */
export function referenceSidebar() {
  const list = `${docs}reference/typedoc-sidebar.json`;
  const modules = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : [];
  return [
    { text: "All pages", link: "/start" },
    { text: "At a glance", link: "/api" },
    ...modules.map((module) => ({ ...module, collapsed: false })),
  ];
}

/** The path of the first page of a section, for the bar at the top. */
export function firstOf(title) {
  return sidebar().find(({ text }) => text === title)?.items[0]?.link ?? "/";
}
