// The subscriber in C: compiled when it is needed, and spoken to in lines. To its user it is a Child (child.mjs).

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { receivedReel } from "./frames.mjs";
import { channelsOf } from "./traffic.mjs";

const SOURCE = fileURLToPath(new URL("clients/hiredis.c", import.meta.url));
const LAST_LINE = 1000;

/**
 * Compiles it.
 * @returns {{ program: string, version: string, remove: () => void } | { reason: string }}
 */
export function compile() {
  const { stdout, status, error } = spawnSync("gcc", ["-E", "-dM", SOURCE], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined || status !== 0) {
    return { reason: error === undefined ? "no hiredis/hiredis.h (Debian: libhiredis-dev)" : "no gcc" };
  }
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "hiredis");
  const { status: code, stderr } = spawnSync("gcc", ["-O2", SOURCE, "-o", program, "-lhiredis"], { encoding: "utf8" });
  if (code !== 0) {
    remove();
    return { reason: `gcc: ${stderr.trim().slice(0, LAST_LINE)}` };
  }
  const part = (name) => new RegExp(`HIREDIS_${name} (\\d+)`).exec(stdout)?.[1] ?? "?";
  return { program, version: ["MAJOR", "MINOR", "PATCH"].map(part).join("."), remove };
}

export class NativeChild {
  #process;
  #lines;
  #reel;
  #phase = { messages: 0, length: 0, touched: 0 };
  #timer;

  /**
   * @param {string} program
   * @param {{ scenario: import("./scenarios.mjs").Scenario, port: number }} config
   * @param {number} seconds after which it is killed
   */
  constructor(program, { scenario, port }, seconds) {
    // It sees bytes, whatever the others are asked for.
    this.#reel = receivedReel({ ...scenario, data: "bytes" });
    const command = scenario.sharded ? "SSUBSCRIBE" : scenario.pattern === null ? "SUBSCRIBE" : "PSUBSCRIBE";
    this.#process = spawn(program, [String(port), command], { stdio: ["pipe", "pipe", "inherit"] });
    this.#process.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#timer = setTimeout(() => this.#process.kill("SIGKILL"), seconds * 1000);
    this.#process.stdin.write(`${scenario.pattern === null ? channelsOf(scenario).join(" ") : scenario.pattern}\n`);
  }

  /** Begins a phase. @param {{ times: number }} message */
  send({ times }) {
    const { messages, length, touched } = this.#reel;
    this.#phase = { messages: messages * times, length: length * times, touched: touched * times };
    this.#process.stdin.write("phase\n");
  }

  /** @param {string} type "ready", "armed" or "measured" */
  async next(type) {
    const { value = "ended" } = await this.#lines.next();
    const [word, ...rest] = value.split(" ");
    if (word !== type) {
      throw new Error(`hiredis: ${value}`);
    }
    if (type !== "measured") {
      return { type };
    }
    const [cpu, seconds, memory, ...sums] = rest.map(Number);
    const { messages, length, touched } = this.#phase;
    const wanted = [messages, length | 0, touched | 0].join(" ");
    if (sums.join(" ") !== wanted) {
      throw new Error(`hiredis: wanted ${wanted}; got ${sums.join(" ")}`);
    }
    return { type, figures: { cpu: (cpu * 1e6) / messages, rate: messages / seconds, memory: memory / 1024 } };
  }

  async stop() {
    clearTimeout(this.#timer);
    this.#process.stdin.end();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill("SIGKILL");
      await exited;
    }
  }
}
