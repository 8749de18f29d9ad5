import type { Stage, Staged } from "./proxy-stages.ts";
import { RespReader } from "./resp-reader.ts";
import { command as encode } from "./resp-writer.ts";

/**
 * What a proxy makes of a command on its way to the server: `undefined` leaves it as it is, words replace it, and
 * `reply` answers it on the server's behalf, with a frame such as `-ERR unknown command 'HELLO'\r\n`.
 */
export type Rewrite = (words: readonly string[]) => undefined | readonly string[] | { readonly reply: string | Buffer };

interface Answer {
  readonly word: string;
  readonly reply: Buffer;
}

/**
 * Rewrites the commands of one connection. Words are latin1, so that every byte survives.
 *
 * To answer in the right order whatever was sent before, a command that is answered here still goes to the server,
 * under a name that no server knows; the server's "unknown command" for it, which comes in its proper place, is then
 * replaced. Newer servers say "NOAUTH" for it before a login: then the first such reply is taken.
 */
export class CommandRewriter {
  readonly toServer: Stage;
  readonly toClient: Stage;
  readonly #rewrite: Rewrite;
  readonly #reader = new RespReader();
  readonly #answers: Answer[] = [];
  #answered = 0;
  #held: Buffer = Buffer.alloc(0);

  constructor(rewrite: Rewrite) {
    this.#rewrite = rewrite;
    this.toServer = { take: (chunk) => this.#takeCommands(chunk) };
    this.toClient = { take: (chunk) => this.#takeReplies(chunk) };
  }

  #takeCommands(chunk: Buffer): Staged {
    this.#reader.feed(chunk);
    const commands: Buffer[] = [];
    for (const value of this.#reader.drain()) {
      if (!Array.isArray(value)) throw new Error("a client sent something that is not a command");
      commands.push(this.#apply(value.map((word) => (Buffer.isBuffer(word) ? word.toString("latin1") : String(word)))));
    }
    return { bytes: Buffer.concat(commands), cut: false };
  }

  #apply(words: readonly string[]): Buffer {
    const result = this.#rewrite(words);
    if (result === undefined) return encodeLatin1(words);
    if (!("reply" in result)) return encodeLatin1(result);
    this.#answered += 1;
    const word = `ANSWERED-${this.#answered}-BY-PROXY`;
    this.#answers.push({ word, reply: Buffer.from(result.reply) });
    return encode([word]);
  }

  #takeReplies(chunk: Buffer): Staged {
    const parts: Buffer[] = [];
    this.#held = Buffer.concat([this.#held, chunk]);
    for (let answer = this.#answers[0]; answer !== undefined; answer = this.#answers[0]) {
      // Everything waits for the reply that is certain to come, rather than guess where a piece of it begins.
      const match = new RegExp(`-(?:ERR unknown command ['\`]${answer.word}['\`]|NOAUTH )[^\r]*\r\n`).exec(
        this.#held.toString("latin1"),
      );
      if (match === null) return { bytes: Buffer.concat(parts), cut: false };
      parts.push(this.#held.subarray(0, match.index), answer.reply);
      this.#held = this.#held.subarray(match.index + match[0].length);
      this.#answers.shift();
    }
    parts.push(this.#held);
    this.#held = Buffer.alloc(0);
    return { bytes: Buffer.concat(parts), cut: false };
  }
}

function encodeLatin1(words: readonly string[]): Buffer {
  return encode(words.map((word) => Buffer.from(word, "latin1")));
}
