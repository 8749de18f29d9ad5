// Checks that what the source declares is told of: each error code, diagnostics channel, warning and cause of a gap on its
// page, and each option with its default in its docstring, which the reference shows.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { root } from "../setup.mjs";
import { read } from "./documents.mjs";
import { headings } from "./links.mjs";

/** Where a union of the source is told of, and how a page must show each member. */
const UNIONS = [
  { source: "src/errors.ts", type: "TidingsErrorCode", page: "docs/operate/errors.md", by: "heading" },
  { source: "src/errors.ts", type: "ServerErrorCode", page: "docs/operate/errors.md", by: "code" },
  { source: "src/diagnostics.ts", type: "DiagnosticName", page: "docs/guides/tracing.md", by: "code" },
  { source: "src/pubsub/model/gap.ts", type: "GapCause", page: "docs/concepts/gaps.md", by: "code" },
  { source: "src/pubsub/model/state.ts", type: "State", page: "docs/concepts/reconnecting.md", by: "code" },
  { source: "src/pubsub/delivery/backlog.ts", type: "Overflow", page: "docs/concepts/back-pressure.md", by: "code" },
  { source: "src/pubsub/delivery/reports.ts", type: "WarningCode", page: "docs/guides/logging.md", by: "code" },
];

/** Returns the complaints. */
export function checkComplete() {
  return [...UNIONS.flatMap(untold), ...publicOptions().flatMap(undocumented)];
}

function untold({ source, type, page, by }) {
  const members = membersOf(read(source), type);
  if (members.length === 0) return [`${source} has no union ${type}`];
  const text = read(page);
  const shown =
    by === "heading"
      ? (member) => headings(text).some(({ heading }) => heading === member)
      : (member) => text.includes(`\`${member}\``) || text.includes(`\`"${member}"\``);
  return members.filter((member) => !shown(member)).map((member) => `${page} does not tell of ${type} "${member}"`);
}

function membersOf(source, type) {
  const [, union = ""] = new RegExp(`^export type ${type} =([^;]*);`, "m").exec(source) ?? [];
  return [...union.matchAll(/"([^"]+)"/g)].map(([, member]) => member);
}

/** The interfaces of options that the surfaces export, with the files that declare them. */
function publicOptions() {
  const surfaces = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isFile());
  return surfaces.flatMap(({ name }) =>
    [...read(`src/${name}`).matchAll(/^export (?:type )?\{([^}]*)\} from "\.\/([^"]+)";/gm)].flatMap(
      ([, names, source]) =>
        names
          .split(",")
          .map((exported) => exported.replace("type ", "").trim())
          .filter((exported) => exported.endsWith("Options"))
          .map((exported) => ({ source: `src/${source}`, name: exported })),
    ),
  );
}

/** An option has a docstring; one that may be left out says what holds then. */
function undocumented({ source, name }) {
  const file = ts.createSourceFile(source, read(source), ts.ScriptTarget.Latest, true);
  const declaration = file.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name);
  return (declaration?.members ?? []).flatMap((member) => {
    const text = ts
      .getJSDocCommentsAndTags(member)
      .map((comment) => comment.getText())
      .join(" ");
    const at = `${source}: ${name}.${member.name.getText()}`;
    if (text === "") return [`${at} has no docstring`];
    return member.questionToken && !/\bdefault/i.test(text) ? [`${at} does not say its default`] : [];
  });
}
