import { EventEmitter } from "node:events";
import { ArgumentError, type BufferOptions, ClosedError, type Gap, ServerError } from "tidings";
import { bufferOf, Name } from "./arrived.ts";
import { type Callback, settle, surface } from "./calls.ts";
import { type AnyClient, ended, FaceGroup } from "./group.ts";
import { LifeCycle, type Status } from "./life-cycle.ts";
import { isCluster, type Kind, type Subscription, Subscriptions } from "./subscriptions.ts";

/** Options of both faces. */
export interface FaceOptions {
  /**
   * Whether the client is closed when the last of its faces ends. Without it the client stays open, and keeps the process
   * alive until you close it. Default false.
   */
  readonly owns?: boolean | undefined;
  /** How much the face's consumers may hold, as in `client.pubsub()`. Listeners are synchronous, so it rarely matters. Default: as there. */
  readonly buffer?: BufferOptions | undefined;
}

/** How long `quit()` waits for answers to what was published; milliseconds. */
const PATIENCE = 5000;

/** What both faces are: an emitter on a client, with consumers of its own. */
export abstract class Face extends EventEmitter {
  /** The client behind. */
  protected readonly client: AnyClient;
  /** Whether the client is one of a cluster. */
  protected readonly ofCluster: boolean;
  protected readonly subscriptions: Subscriptions;
  protected readonly lifeCycle: LifeCycle;
  readonly #group: FaceGroup;
  readonly #owns: boolean;
  /** Subscribes that await their confirmations: what is published after them on this face goes after them. */
  readonly #subscribing: Set<Promise<unknown>> = new Set();
  /** The end that was asked for, from the call on... */
  #ending: Promise<void> | null = null;
  /** ...and what is left of it once nothing is waited for any more. */
  #finishing: Promise<void> | null = null;

  protected constructor(client: AnyClient, { owns = false, buffer }: FaceOptions) {
    super();
    this.client = client;
    this.ofCluster = isCluster(client);
    this.#group = FaceGroup.of(client);
    this.#owns = owns;
    this.#group.join(this, owns);
    this.lifeCycle = new LifeCycle(client, {
      connected: () => {
        this.tell("connect");
        this.tell("ready");
      },
      lost: (cause, delay) => {
        this.tellError(cause);
        this.lost(delay);
      },
      over: (cause) => {
        if (cause !== null) this.tellError(cause);
        void this.finish();
      },
    });
    this.subscriptions = new Subscriptions(client, buffer, this.lifeCycle, {
      gap: (gap: Gap<string>) => this.tell("gap", gap),
      failed: (error) => this.tellError(error),
    });
  }

  /** A connection was lost, or could not be made; the next attempt comes in `delay` milliseconds. */
  protected abstract lost(delay: number): void;

  protected get status(): Status {
    return this.lifeCycle.status;
  }

  /** Connects, if it was not asked to before; resolves when it is ready. A face that has ended begins anew. */
  protected async started(): Promise<void> {
    if (this.status === "end") await this.#ending;
    this.#ending = this.#finishing = null;
    this.#group.join(this, this.#owns);
    await this.lifeCycle.start();
  }

  /** Begins to connect, if it was not asked to before; what fails is told as an event. */
  protected begin(): void {
    if (this.status === "wait") this.started().catch(() => {});
  }

  protected async subscribed(kind: Kind, subscriptions: readonly Subscription[]): Promise<number> {
    this.assertOpen();
    this.begin();
    const subscribing = this.subscriptions.subscribe(kind, subscriptions);
    this.#subscribing.add(subscribing);
    try {
      await subscribing;
    } finally {
      this.#subscribing.delete(subscribing);
    }
    return this.subscriptions.count(kind);
  }

  /** `null`: all of the kind. */
  protected async unsubscribed(kind: Kind, names: readonly Name[] | null): Promise<number> {
    // In the end nothing is subscribed: an unsubscribe then, or on its way then, is done.
    if (this.#ending !== null) return 0;
    try {
      await this.subscriptions.unsubscribe(kind, names);
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
    }
    return this.subscriptions.count(kind);
  }

  protected async published(command: "PUBLISH" | "SPUBLISH", channel: unknown, data: unknown): Promise<number> {
    this.assertOpen();
    this.begin();
    const name = textOrBytes("channel", channel);
    const payload = textOrBytes("message", data);
    if (this.#subscribing.size === 0) return this.#group.publish(command, name, payload);
    // The caller may use its bytes for something else meanwhile.
    const kept = typeof payload === "string" ? payload : Buffer.from(payload);
    return this.#group.after(Promise.allSettled(this.#subscribing), () => this.#group.publish(command, name, kept));
  }

  /** Lets what was published arrive, unsubscribes, and ends. */
  protected quitted(): Promise<void> {
    this.#ending ??= (async () => {
      if (this.client.state === "live") await this.#group.published(PATIENCE);
      await this.subscriptions.drain();
      await this.finish();
    })();
    return this.#ending;
  }

  /** Ends at once, and once. */
  protected finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    this.#ending ??= this.#finishing;
    return this.#finishing;
  }

  async #finish(): Promise<void> {
    this.lifeCycle.end();
    await this.subscriptions.close();
    await this.#group.leave(this);
    this.tell("close");
    this.tell("end");
  }

  /** A call's promise, or its callback; what fails and may go unheard is emitted as `error`. */
  protected settle<T>(promise: Promise<T>, callback?: Callback<T>): Promise<T> {
    return settle(promise, callback, (error) => this.tellError(error));
  }

  /** The same for a command: an error that the server answers with is the caller's affair. */
  protected settleCommand<T>(promise: Promise<T>, callback?: Callback<T>): Promise<T> {
    return settle(promise, callback, (error) => {
      if (!(error instanceof ServerError)) this.tellError(error);
    });
  }

  protected assertOpen(): void {
    if (this.#ending !== null || this.status === "end") throw ended();
  }

  /** Emits; what a listener throws surfaces as itself, and stops nothing here. */
  protected tell(event: string, ...args: unknown[]): void {
    try {
      this.emit(event, ...args);
    } catch (error) {
      surface(error);
    }
  }

  /** Nothing that goes wrong ends the process for want of a listener: subscriptions are kept, and `reconnecting` is told. */
  protected tellError(error: Error): void {
    if (this.listenerCount("error") > 0) this.tell("error", error);
  }
}

/** Text or bytes as the client sends them. */
function textOrBytes(what: string, value: unknown): string | Buffer {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return bufferOf(value);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  throw new ArgumentError(
    `A ${what} is a string or a Buffer, not ${value === null || value === undefined ? value : `a ${typeof value}`}.`,
  );
}

/** The names of a call: each argument is one, or an array of them. */
export function namesOf(args: readonly unknown[]): Name[] {
  return args.flat().map((name) => new Name(textOrBytes("channel", name)));
}
