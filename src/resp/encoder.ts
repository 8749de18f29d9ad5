import { latin1 } from "../names.ts";

/** An argument of a command: text is sent as UTF-8. */
export type Argument = string | number | Uint8Array;

/** Larger arguments go to the socket as they are, beside the text. */
const LARGE = 16 * 1024;

/**
 * Commands out: collects the commands of one tick as one text with a char per byte, so that a burst of small commands
 * is one string and one write.
 */
export class Encoder {
  #text = "";
  #chunks: (string | Buffer)[] = [];

  /** How many chars wait; large arguments beside the text are not counted. 0: nothing waits. */
  get length(): number {
    return this.#text.length;
  }

  /** Adds a command. */
  command(args: readonly Argument[]): void {
    this.#text += `*${args.length}\r\n`;
    for (const arg of args) this.#argument(arg);
  }

  /** Adds a command whose arguments are keys already: one char per byte. */
  keys(command: string, keys: readonly string[]): void {
    let text = `*${keys.length + 1}\r\n$${command.length}\r\n${command}\r\n`;
    for (const key of keys) text += `$${key.length}\r\n${key}\r\n`;
    this.#text += text;
  }

  /** All that was added since the last call: texts with one char per byte, and large arguments as Buffers. */
  take(): (string | Buffer)[] {
    const chunks = this.#chunks;
    if (this.#text !== "") chunks.push(this.#text);
    this.#text = "";
    this.#chunks = [];
    return chunks;
  }

  #argument(arg: Argument): void {
    if (typeof arg === "object" && arg.byteLength >= LARGE) {
      // A copy: the caller may change its bytes before the socket has sent them.
      this.#chunks.push(`${this.#text}$${arg.byteLength}\r\n`, Buffer.from(arg));
      this.#text = "\r\n";
      return;
    }
    const text = latin1(typeof arg === "number" ? String(arg) : arg);
    this.#text += `$${text.length}\r\n${text}\r\n`;
  }
}
