// A vitest reporter that demands a share of lines covered in every file, and ends the output, after the coverage
// table, with a line for each test that failed and one plain line of totals: "12 passed, 0 failed, 1 skipped". The file
// that TIDINGS_TOTALS names gets the same as JSON, for scripts that run the suite several times.

import { writeFileSync } from "node:fs";
import { relative } from "node:path";

const LINES_PER_FILE = 80;
/** How much of an error's first line is repeated at the end, in characters. */
const LINE = 200;

export default class ClosingReporter {
  #counts = { passed: 0, failed: 0, skipped: 0 };
  #uncovered = [];
  #failures = [];
  #root = process.cwd();

  onInit(vitest) {
    this.#root = vitest.config.root;
    process.once("exit", () => {
      for (const line of this.#uncovered) {
        console.error(line);
      }
      for (const line of this.#failures) {
        console.error(line);
      }
      const { passed, failed, skipped } = this.#counts;
      if (process.env.TIDINGS_TOTALS) {
        writeFileSync(process.env.TIDINGS_TOTALS, JSON.stringify({ ...this.#counts, failures: this.#failures }));
      }
      console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
    });
  }

  onTestRunEnd(modules, unhandledErrors) {
    this.#counts = { passed: 0, failed: 0, skipped: 0 };
    this.#failures = [];
    this.#fail("outside the tests", unhandledErrors);
    for (const module of modules) {
      const file = module.relativeModuleId;
      // An error outside any test: the file does not load, or a hook of a suite fails.
      this.#fail(file, module.errors());
      for (const suite of module.children.allSuites()) {
        this.#fail(`${file} > ${suite.fullName}`, suite.errors());
      }
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "failed") {
          this.#fail(`${file} > ${test.fullName}`, [errors?.[0]]);
        } else {
          // A test left pending was never run, because its file or the whole run broke off.
          this.#counts[state === "pending" ? "skipped" : state] += 1;
        }
      }
    }
  }

  #fail(place, errors) {
    for (const error of errors) {
      this.#counts.failed += 1;
      this.#failures.push(`FAILED: ${place}: ${String(error?.message).split("\n", 1)[0].slice(0, LINE)}`);
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
