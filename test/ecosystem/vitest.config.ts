import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// `tidings` is the package as it is published: scripts/test-ecosystem.mjs puts it into node_modules.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  oxc: { target: "node20" },
  test: {
    include: ["**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ["default", fileURLToPath(new URL("../../scripts/closing-reporter.mjs", import.meta.url))],
  },
});
