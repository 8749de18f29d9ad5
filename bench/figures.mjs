// The medians of a measurement, to be asked for by targets, tables and the chart.

import { CLIENTS } from "./clients.mjs";
import { quantile } from "./common/figures.mjs";

/**
 * @typedef {object} Line
 * @property {import("./scenarios.mjs").Entry} entry
 * @property {Record<string, number>[]} runs
 * @property {string | null} failed why there are no figures, or fewer
 */

/**
 * @typedef {object} Result
 * @property {import("./scenarios.mjs").Scenario} scenario
 * @property {Line[]} lines
 */

/** What a line is called. @param {import("./scenarios.mjs").Entry} entry */
export function lineName({ client, how, depth }) {
  if (depth !== undefined) {
    return `${client}, queue of ${depth.toLocaleString("en-US")}`;
  }
  return ["for await", "batches", "shared"].includes(how) ? `${client}, ${how}` : client;
}

export class Figures {
  #results;

  /** @param {Result[]} results */
  constructor(results) {
    this.#results = results;
  }

  /**
   * The median of a line of a scenario, or null where there is none.
   * @param {string} scenario
   * @param {string} name as {@link lineName} has it
   * @param {string} key
   * @param {number} part of the runs that are below; a half is the median
   */
  of(scenario, name, key, part = 0.5) {
    const line = this.#lines(scenario).find(({ entry }) => lineName(entry) === name);
    return line === undefined || line.runs.length === 0
      ? null
      : quantile(
          line.runs.map((run) => run[key]),
          part,
        );
  }

  /**
   * The clients of some kinds in a scenario, the best first.
   * @param {string} scenario
   * @param {string} key
   * @param {{ kinds: string[], most?: boolean }} options most: the largest is the best, not the smallest
   */
  ranked(scenario, key, { kinds, most = false }) {
    const found = this.#lines(scenario)
      .filter(({ entry, runs }) => runs.length > 0 && kinds.includes(CLIENTS[entry.client].kind))
      .map(({ entry }) => ({ name: lineName(entry), value: this.of(scenario, lineName(entry), key) }));
    return found.sort((a, b) => (most ? b.value - a.value : a.value - b.value));
  }

  #lines(scenario) {
    return this.#results.find((result) => result.scenario.name === scenario)?.lines ?? [];
  }
}
