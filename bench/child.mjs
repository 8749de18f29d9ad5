// A child process that is spoken to in messages, and that never outlives its time or its parent.

import { fork } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const ERROR_TEXT = 4000;
const KILL_AFTER = 2000;

export class Child {
  #process;
  #errors = "";
  #arrived = [];
  /** @type {{ type: string, resolve: (message: any) => void, reject: (error: Error) => void } | null} */
  #waiting = null;
  /** @type {Error | null} */
  #ended = null;
  #name;
  #exited;
  /** What is given messages of the type `message`, of which there may be many. @type {((message: any) => void) | null} */
  onMessage = null;

  /**
   * Starts a file of this folder, or of any, by its URL.
   * @param {string} file
   * @param {object} config what the child's `config` is
   * @param {number} seconds after which it ends itself
   * @param {{ program?: string, execArgv?: string[] }} options what runs it, and how
   */
  constructor(file, config, seconds, { program = process.execPath, execArgv = [] } = {}) {
    this.#name = basename(file);
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify({ ...config, seconds })], {
      execPath: program,
      execArgv,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-ERROR_TEXT);
    });
    this.#process.on("message", (message) => this.#take(message));
    // Not "close": it never comes when it was the parent that disconnected.
    this.#exited = new Promise((resolve) => {
      this.#process.on("error", (error) => resolve(this.#end(error.message)));
      this.#process.on("exit", (code, signal) => resolve(this.#end(`ended (${signal ?? code})`)));
    });
  }

  /** @param {{ type: string, [key: string]: unknown }} message */
  send(message) {
    if (this.#process.connected) {
      this.#process.send(message, () => {});
    }
  }

  /**
   * The next message of a type; rejects when the child says `failed` or ends.
   * @param {string} type
   * @returns {Promise<any>}
   */
  next(type) {
    return new Promise((resolve, reject) => {
      this.#waiting = { type, resolve, reject };
      this.#settle();
    });
  }

  /** Ends the child and waits until it is gone. */
  async stop() {
    if (this.#process.connected) {
      this.#process.disconnect();
    }
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), KILL_AFTER);
    await this.#exited;
    clearTimeout(timer);
  }

  #take(message) {
    if (message.type === "failed") {
      this.#end(message.reason);
    } else if (message.type === "message") {
      this.onMessage?.(message);
    } else {
      this.#arrived.push(message);
      this.#settle();
    }
  }

  #end(reason) {
    const detail = this.#errors.trim();
    this.#ended ??= new Error(`${this.#name}: ${reason}${detail === "" ? "" : `\n${detail}`}`);
    this.#settle();
  }

  #settle() {
    if (this.#waiting === null) {
      return;
    }
    const { type, resolve, reject } = this.#waiting;
    const index = this.#arrived.findIndex((message) => message.type === type);
    if (index >= 0) {
      this.#waiting = null;
      resolve(this.#arrived.splice(index, 1)[0]);
    } else if (this.#ended !== null) {
      this.#waiting = null;
      reject(this.#ended);
    }
  }
}
