import { diagnostics } from "../diagnostics.ts";
import { PubSubError, ServerError } from "../errors.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import { isPassing } from "./refusals.ts";
import { address, type Endpoint } from "./settings.ts";

/** What a server is to the copies of its data. */
export type Role = "primary" | "replica";

/** What asks need of a connection. */
interface RoleConnection {
  /** The protocol in force; HELLO without it is an error on Redis 6.0. */
  readonly protocol: 2 | 3;
  command(args: readonly Argument[]): Promise<Reply>;
}

/** What a server says of its role in an answer to HELLO; `null` where it says nothing. */
function roleIn(hello: Reply): Role | null {
  const items = hello instanceof Map ? [...hello].flat() : Array.isArray(hello) ? hello : [];
  // A connection that subscribes reads bytes.
  const words = items.map((item) => (Buffer.isBuffer(item) ? item.toString() : item));
  const role = words[words.indexOf("role") + 1];
  if (role === "master" || role === "primary") return "primary";
  return role === "replica" || role === "slave" ? "replica" : null;
}

/**
 * Keeps the role of the server at the other end, and notices when a primary has become a replica: a connection survives
 * that, and what is published to the replica reaches its own subscribers only. HELLO tells the role, and
 * needs no permission that a login does not need.
 */
export class RoleWatch {
  /** Called when a primary has turned out to be a replica. */
  demoted: (error: PubSubError) => void = () => {};
  readonly #endpoint: Endpoint;
  #role: Role | null = null;
  #askedAt: number = performance.now();
  #answers = true;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** When to ask again, so many milliseconds after the last time. */
  due(interval: number): number {
    return this.#answers ? this.#askedAt + interval : Number.POSITIVE_INFINITY;
  }

  async ask(line: RoleConnection): Promise<void> {
    if (!this.#answers) return;
    this.#askedAt = performance.now();
    try {
      this.heard(await line.command(["HELLO", line.protocol]));
    } catch (error) {
      // A server that knows no HELLO, or denies it, is not asked again.
      if (error instanceof ServerError && !isPassing(error)) this.#answers = false;
    }
  }

  /** An answer to HELLO has come. */
  heard(hello: Reply): void {
    const before = this.#role;
    this.#role = roleIn(hello) ?? before;
    if (before !== "primary" || this.#role !== "replica") return;
    if (diagnostics.demoted.hasSubscribers) diagnostics.demoted.publish({ endpoint: this.#endpoint });
    this.demoted(
      new PubSubError(
        `${address(this.#endpoint)} was a primary and is a replica now. What is published to it reaches its own subscribers alone: connect to the new primary.`,
      ),
    );
  }
}
