import { ArgumentError } from "../errors.ts";
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

  /** Adds a command, all of it or, should an argument not be encodable, nothing. */
  command(args: readonly Argument[]): void {
    let chunks: (string | Buffer)[] | null = null;
    let text = `*${args.length}\r\n`;
    for (const arg of args) {
      if (typeof arg === "object" && arg.byteLength >= LARGE) {
        chunks ??= [];
        // A copy: the caller may change its bytes before the socket has sent them.
        chunks.push(`${text}$${arg.byteLength}\r\n`, copyOf(arg));
        text = "\r\n";
      } else {
        const value = textOf(arg);
        text += `$${value.length}\r\n${value}\r\n`;
      }
    }
    if (chunks !== null) {
      this.#chunks.push(this.#text + chunks[0], ...chunks.slice(1));
      this.#text = "";
    }
    this.#text += text;
  }

  /** Adds a command whose arguments are keys already: one char per byte. */
  keys(command: string, keys: readonly string[]): void {
    let text = `*${keys.length + 1}\r\n$${command.length}\r\n${command}`;
    for (const key of keys) text += `\r\n$${key.length}\r\n${key}`;
    this.#text += `${text}\r\n`;
  }

  /** All that was added since the last call: texts with one char per byte, and large arguments as Buffers. */
  take(): (string | Buffer)[] {
    const chunks = this.#chunks;
    if (this.#text !== "") chunks.push(this.#text);
    this.#text = "";
    this.#chunks = [];
    return chunks;
  }
}

/** A copy of bytes. Throws `ArgumentError` where they were transferred away. */
export function copyOf(bytes: Uint8Array): Buffer {
  try {
    return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw unsendable(cause);
  }
}

function textOf(arg: Argument): string {
  try {
    return latin1(typeof arg === "number" ? String(arg) : arg);
  } catch (cause) {
    throw unsendable(cause);
  }
}

function unsendable(cause: unknown): ArgumentError {
  return new ArgumentError("An argument cannot be sent: its bytes were transferred away, or it is too long.", {
    cause,
  });
}
