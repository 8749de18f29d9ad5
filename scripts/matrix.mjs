// npm run matrix: the fault matrix with tidings and its peers, on servers of its own. Arguments: test/matrix/run.mjs.

import { ensureBuild } from "./current-build.mjs";
import { requireServer } from "./find-server.mjs";
import { installPackages, runBin } from "./setup.mjs";

installPackages();
const env = { TIDINGS_SERVER: requireServer() };
const { preparePeers } = await import("../bench/prepare.mjs");
preparePeers();
const code = ensureBuild();
process.exitCode = code === 0 ? runBin("tsx", ["test/matrix/run.mjs", ...process.argv.slice(2)], env) : code;
