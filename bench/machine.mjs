// What the figures were measured on.

import { arch, cpus, loadavg, release, totalmem, type } from "node:os";

/** @typedef {Record<string, string>} Machine */

/**
 * @param {Record<string, string>} versions of what is measured
 * @returns {Machine}
 */
export function describeMachine(versions) {
  const all = cpus();
  return {
    CPU: `${all[0]?.model.trim() ?? "unknown"}, ${all.length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    Node: process.versions.node,
    ...versions,
    "load before": loadavg()[0].toFixed(2),
  };
}
