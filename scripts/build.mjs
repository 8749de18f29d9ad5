// npm run build: the package in dist, by tsdown.config.ts. By its API, because the program warns of Node 20 at every call.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "tsdown";
import { root } from "./setup.mjs";

await build({ logLevel: "error" });

// The types of optional peers: where one is not installed, its types are `any` for the compiler, and no error.
for (const file of ["compat.d.ts", "compat.d.cts"]) {
  const path = join(root, "dist", file);
  const text = readFileSync(path, "utf8");
  const peers = /^import .* from "(?:ioredis|redis)";$/gm;
  if ((text.match(peers) ?? []).length !== 2) {
    throw new Error(`${file} does not import the types of ioredis and redis in a line each`);
  }
  writeFileSync(path, text.replace(peers, "// @ts-ignore: an optional peer\n$&"));
}
