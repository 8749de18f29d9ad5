// The decisions in docs/adr, each with its title.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../adr/", import.meta.url));

export default {
  watch: ["../adr/*.md"],
  load() {
    return readdirSync(folder)
      .filter((file) => /^\d+-.*\.md$/.test(file))
      .sort()
      .map((file) => {
        const [heading] = readFileSync(`${folder}${file}`, "utf8").split("\n");
        return { name: file.replace(/\.md$/, ""), title: heading.replace(/^# */, "") };
      });
  },
};
