// A page for each document that lies at the top of the repository.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../../", import.meta.url));

export default {
  watch: ["../../{CHANGELOG,CONTRIBUTING,SECURITY}.md"],
  paths() {
    return ["CHANGELOG", "CONTRIBUTING", "SECURITY"]
      .filter((name) => existsSync(`${top}${name}.md`))
      .map((name) => {
        const text = readFileSync(`${top}${name}.md`, "utf8");
        // Their links begin at the top, those of this page in docs/project.
        const content = text.replace(/\]\((?![a-z]+:|#)/g, "](../../");
        return { params: { name: name.toLowerCase() }, content };
      });
  },
};
