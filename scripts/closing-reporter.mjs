// A vitest reporter that demands a share of lines covered in every file, and ends the output, after the coverage
// table, with one plain line of totals: "12 passed, 0 failed, 1 skipped".

import { relative } from "node:path";

const LINES_PER_FILE = 80;

export default class ClosingReporter {
  #counts = { passed: 0, failed: 0, skipped: 0 };
  #uncovered = [];
  #root = process.cwd();

  onInit(vitest) {
    this.#root = vitest.config.root;
    process.once("exit", () => {
      for (const line of this.#uncovered) {
        console.error(line);
      }
      const { passed, failed, skipped } = this.#counts;
      console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
    });
  }

  onTestRunEnd(modules, unhandledErrors) {
    this.#counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // An error outside any test: the file does not load, or a hook of a suite fails.
      this.#counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) {
        this.#counts.failed += suite.errors().length;
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test left pending was never run, because its file or the whole run broke off.
        this.#counts[state === "pending" ? "skipped" : state] += 1;
      }
    }
  }

  onCoverage(coverage) {
    for (const file of coverage.files()) {
      const { pct } = coverage.fileCoverageFor(file).toSummary().lines;
      if (pct < LINES_PER_FILE) {
        const name = relative(this.#root, file);
        this.#uncovered.push(`ERROR: Coverage for lines (${pct}%) of ${name} is below ${LINES_PER_FILE}%`);
        process.exitCode = 1;
      }
    }
  }
}
