// npm run build: the package in dist, by tsdown.config.ts. By its API, because the program warns of Node 20 at every call.

import { build } from "tsdown";

await build({ logLevel: "error" });
