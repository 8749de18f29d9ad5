import { EventEmitter, once } from "node:events";
import { ClosedError, ConnectionError, type NameForm, type Redis, type RedisCluster } from "tidings";

/** A client of either kind, whatever its codec. */
export type AnyClient = Redis<unknown, never, NameForm> | RedisCluster<unknown, never, NameForm>;

/** How many publishes may wait while no server is there. */
const WAITING = 65_536;

const groups: WeakMap<object, FaceGroup> = new WeakMap();

/**
 * The faces of one client. What one publishes, another may hear: before one of them ends, all that was published is
 * awaited. The last one that ends closes the client, if any of them owns it.
 */
export class FaceGroup {
  readonly client: AnyClient;
  readonly #faces: Set<object> = new Set();
  #owned = false;
  #inFlight = 0;
  readonly #settled: EventEmitter = new EventEmitter();

  private constructor(client: AnyClient) {
    this.client = client;
  }

  /** The group of a client. */
  static of(client: AnyClient): FaceGroup {
    const known = groups.get(client);
    if (known !== undefined) return known;
    const group = new FaceGroup(client);
    groups.set(client, group);
    return group;
  }

  join(face: object, owns: boolean): void {
    this.#faces.add(face);
    this.#owned ||= owns;
  }

  /** Closes the client after the last face, if one of them owns it. */
  async leave(face: object): Promise<void> {
    if (!this.#faces.delete(face) || this.#faces.size > 0 || !this.#owned) return;
    this.#owned = false;
    await this.client.close();
  }

  /** Publishes past the client's codec. Refused at once where too many wait for a server already. */
  publish(command: "PUBLISH" | "SPUBLISH", channel: string | Buffer, data: string | Buffer): Promise<number> {
    return this.#counted(() => this.client.call(command, channel, data) as Promise<number>);
  }

  /** Publishes when something else is done; it counts as published from now on. */
  after(done: Promise<unknown>, publish: () => Promise<number>): Promise<number> {
    return this.#counted(() => done.then(publish));
  }

  async #counted(publish: () => Promise<number>): Promise<number> {
    if (this.#inFlight >= WAITING && this.client.state !== "live") {
      throw new ConnectionError(
        `${this.#inFlight} messages wait for a connection already, and no more are kept. This one was not sent.`,
      );
    }
    this.#inFlight++;
    try {
      return await publish();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#settled.emit("published");
    }
  }

  /** Resolves when nothing that was published awaits its answer, or after so many milliseconds. */
  async published(timeout: number): Promise<void> {
    if (this.#inFlight === 0) return;
    const signal = AbortSignal.timeout(timeout);
    await once(this.#settled, "published", { signal }).catch(() => {});
  }
}

/** What calls after the end reject with; libraries compare its text. */
export function ended(): ClosedError {
  return new ClosedError("Connection is closed.");
}
