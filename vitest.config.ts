import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Unit tests that measure memory, which is only steady in a process of their own. */
const MEASURED = [
  "test/unit/resp/allocations.test.ts",
  "test/unit/resp/window.test.ts",
  "test/unit/support/leaks.test.ts",
];

const source = (name: string): string => fileURLToPath(new URL(`./src/${name}.ts`, import.meta.url));

export default defineConfig({
  resolve: {
    // Examples in tests and documents say "tidings", and mean the sources.
    alias: [
      { find: /^tidings$/, replacement: source("index") },
      { find: /^tidings\/(.+)$/, replacement: source("$1") },
    ],
  },
  // `await using` is beyond Node 20, so it is lowered in tests as in the build.
  oxc: { target: "node20" },
  test: {
    // test/types holds no tests that run: `npm run check` compiles it.
    projects: [
      {
        // No servers and nothing global: the files of a worker share its process and its modules, which saves most of the time.
        extends: true,
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], exclude: MEASURED, isolate: false },
      },
      {
        // Each file runs in a process of its own, with servers of its own, so files need not wait for each other.
        extends: true,
        test: {
          name: "processes",
          include: ["test/{integration,faults,property,support}/**/*.test.ts", ...MEASURED],
        },
      },
    ],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
    reporters: ["default", "./scripts/closing-reporter.mjs"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "lcovonly"],
      reportOnFailure: true,
      // And no file below 80 % of its lines: scripts/closing-reporter.mjs.
      thresholds: { lines: 90 },
    },
  },
});
