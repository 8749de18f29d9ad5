// The programs in examples, each with the first sentence of its comment.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));

export default {
  watch: ["../../examples/*.{ts,mjs}", "../../examples/recipes/*.ts"],
  load() {
    return ["", "recipes/"]
      .flatMap((under) => readdirSync(`${folder}${under}`).map((file) => `${under}${file}`))
      .filter((file) => /\.(ts|mjs)$/.test(file))
      .map((file) => {
        const lines = readFileSync(`${folder}${file}`, "utf8").split("\n");
        const comment = lines.slice(
          0,
          lines.findIndex((line) => !line.startsWith("//")),
        );
        const text = comment.map((line) => line.slice(2).trim()).join(" ");
        return { name: file.split(".")[0], file, text: /^.*?[.:](?= |$)/.exec(text)?.[0].replace(/:$/, ".") ?? text };
      });
  },
};
