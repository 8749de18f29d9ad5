import type { Connection } from "../../../src/connection/connection.ts";
import { Deferred } from "../../../src/core/deferred.ts";
import type { Argument } from "../../../src/resp/encoder.ts";
import type { Reply } from "../../../src/resp/reply.ts";

/** A command that a fake connection was given. */
export interface Given {
  readonly args: readonly Argument[];
  readonly wantsText: boolean;
  readonly since: number | undefined;
  readonly reply: Deferred<Reply>;
}

/** As much of a connection as a link for commands needs; the test answers and ends it. */
export class FakeLife {
  readonly given: Given[] = [];
  readonly role: { demoted(): void } = { demoted() {} };
  destroyedWith: unknown = null;
  /** Whether `gone` resolves at once when it is destroyed. */
  closes = true;
  readonly #listeners = new Set<(reason: unknown) => void>();
  readonly #gone = new Deferred<void>();

  get asConnection(): Connection {
    return this as unknown as Connection;
  }

  get commands(): string[] {
    return this.given.map(({ args }) => args.join(" "));
  }

  get busy(): boolean {
    return this.#open.length > 0;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  readonly #settledReplies = new Set<Given>();

  command(args: readonly Argument[], wantsText = true, since?: number): Promise<Reply> {
    const given: Given = { args, wantsText, since, reply: new Deferred() };
    this.given.push(given);
    given.reply.promise.catch(() => {}).finally(() => this.#settledReplies.add(given));
    return given.reply.promise;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.given.map(({ reply }) => reply.promise));
  }

  /** Answers the command of this place. */
  answer(index: number, reply: Reply): void {
    this.given[index]?.reply.resolve(reply);
  }

  onClosed(listener: (reason: unknown) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  lose(reason: unknown): void {
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }

  destroy(reason: unknown): void {
    this.destroyedWith ??= reason;
    for (const { reply } of this.#open) reply.reject(reason);
    if (this.closes) this.leave();
  }

  leave(): void {
    this.#gone.resolve();
  }

  get #open(): Given[] {
    return this.given.filter((given) => !this.#settledReplies.has(given));
  }
}
