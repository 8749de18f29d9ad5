import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { atExit } from "./at-exit.ts";
import { onPath } from "./server-binary.ts";

const running = new Set<ChildProcess>();

atExit(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** A started program that never outlives the tests: it is ended when they end, by its own process id. */
export class ServerProcess {
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once("exit", () => {
        running.delete(child);
        resolve();
      });
    });
  }

  /** Starts a program in `directory`; what it prints is added to the file `log`. */
  static async start(path: string, words: readonly string[], directory: string, log: string): Promise<ServerProcess> {
    // A test process that is killed cleans up nothing; the kernel's parent-death signal covers that.
    const setpriv = process.platform === "linux" ? onPath("setpriv") : undefined;
    const [program, ...args] =
      setpriv === undefined ? [path, ...words] : [setpriv, "--pdeathsig", "KILL", path, ...words];
    const output = openSync(log, "a");
    const child = spawn(program ?? path, args, { cwd: directory, stdio: ["ignore", output, output] });
    closeSync(output);
    running.add(child);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => {
        running.delete(child);
        reject(error);
      });
    });
    if (child.pid === undefined) throw new Error(`${path} has no process id`);
    return new ServerProcess(child, child.pid);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends `signal` and waits for the exit; what ignores it for `grace` milliseconds is killed. */
  async end(signal: NodeJS.Signals, grace: number): Promise<void> {
    if (!this.alive) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), grace);
    this.#child.kill(signal);
    // A stopped process takes no signal but SIGKILL until it is continued.
    if (signal !== "SIGKILL") this.#child.kill("SIGCONT");
    await this.exited;
    clearTimeout(timer);
  }
}
