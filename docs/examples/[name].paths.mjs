// A page for each program in examples, and for each recipe.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));

export default {
  watch: ["../../examples/*.{ts,mjs}", "../../examples/recipes/*.ts"],
  paths() {
    return ["", "recipes/"]
      .flatMap((under) => readdirSync(`${folder}${under}`).map((file) => `${under}${file}`))
      .filter((file) => /\.(ts|mjs)$/.test(file))
      .map((file) => {
        const [name, ending] = file.split(".");
        const code = readFileSync(`${folder}${file}`, "utf8");
        return { params: { name }, content: `# ${file}\n\n\`\`\`${ending === "ts" ? "ts" : "js"}\n${code}\`\`\`\n` };
      });
  },
};
