import { utf8 } from "../../src/codec.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ConfirmationKind, PushReceiver } from "../../src/connection/pushes.ts";
import { constantDelay } from "../../src/core/backoff.ts";
import { type Moment, takeMoment } from "../../src/core/moment.ts";
import { ConnectionError, ServerError, type TidingsError } from "../../src/errors.ts";
import type { ConsumerSource, ServerConnections, SubscriberSource } from "../../src/pubsub/consumer/source.ts";
import { Sharing } from "../../src/pubsub/sharing/sharing.ts";
import type { Command } from "../../src/pubsub/subscriptions/command.ts";
import type { Verb } from "../../src/pubsub/subscriptions/reconcile.ts";
import type { NameMap } from "../../src/resp/name-map.ts";
import type { Name, Payload } from "../../src/resp/reply.ts";

/** A command of subscriptions as the connection got it. */
export interface Sent {
  readonly verb: Verb;
  readonly names: readonly string[];
}

/**
 * A server in this process, without a socket: connections that hold subscriptions, confirm them in turns of their own, and are
 * lost when the test says so. For unit tests of what stands above a connection.
 */
export class SimulatedServer {
  readonly connections: SimulatedConnection[] = [];
  /** Connections that were given back. */
  readonly released: SimulatedConnection[] = [];
  /** Names that it denies. */
  readonly denied: Set<string> = new Set();
  /** Whether it can be dialled. */
  reachable = true;
  /** Whether it answers by itself; else when a test calls `answer()`. */
  answers = true;
  /** What the client was told of its consumers. */
  readonly clientErrors: Error[] = [];
  readonly retries: unknown[] = [];

  /** The connection that was made last. */
  get last(): SimulatedConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error("no connection was made");
    return connection;
  }

  /** Delivers to each subscription; the number of them. */
  publish(channel: string, text: string): number {
    return this.connections.reduce((sum, connection) => sum + connection.publish(channel, text), 0);
  }

  /** A client for `new PubSub(client)`. */
  client(overrides: Partial<ConsumerSource["defaults"]> = {}): SubscriberSource {
    const source: ServerConnections = {
      kind: "server",
      defaults: {
        readyTimeout: 5000,
        maxIdle: 15_000,
        pingTimeout: 5000,
        subscriptionTimeout: 1000,
        unsubscriptionTimeout: 100,
        codec: utf8,
        names: "utf8",
        retryPolicy: constantDelay({ delay: 1 }),
        readFromReplicas: false,
        ...overrides,
      },
      sharing: new Sharing(),
      emitError: (error) => this.clientErrors.push(error) > 0,
      retrying: (cause) => this.retries.push(cause),
      adopt: () => {},
      disown: () => {},
      probe: async () => 0,
      lease: async () => this.#connect(),
      release: async (connection) => void this.released.push(connection as unknown as SimulatedConnection),
    };
    return { "~connections": source };
  }

  #connect(): Connection {
    if (!this.reachable) throw new ConnectionError("connect ECONNREFUSED");
    const connection = new SimulatedConnection(this);
    this.connections.push(connection);
    return connection as unknown as Connection;
  }
}

/** What a link sees of a connection. */
export class SimulatedConnection {
  readonly sent: Sent[] = [];
  readonly settings = { endpoint: { host: "127.0.0.1", port: 6379 } };
  readonly role = { demoted(_error: Error): void {} };
  pushes: PushReceiver | null = null;
  proof: Moment = takeMoment();
  reason: TidingsError | null = null;
  fencing = false;
  unclean = false;
  paused = false;
  readonly #server: SimulatedServer;
  readonly #held: Readonly<Record<"" | "p" | "s", Set<string>>> = { "": new Set(), p: new Set(), s: new Set() };
  #pending: { readonly command: Command; readonly sent: Sent }[] = [];
  #listeners: ((reason: TidingsError) => void)[] = [];

  constructor(server: SimulatedServer) {
    this.#server = server;
  }

  get head(): Command | undefined {
    return this.#pending[0]?.command;
  }

  get busy(): boolean {
    return this.#pending.length > 0;
  }

  subscription(verb: Verb, names: readonly string[], command: Command): void {
    const sent = { verb, names };
    this.sent.push(sent);
    this.#pending.push({ command, sent });
    if (this.#server.answers) queueMicrotask(() => this.answer());
  }

  /** Answers the oldest command. */
  answer(): void {
    const [next] = this.#pending;
    if (next === undefined || this.reason !== null) return;
    const { verb, names } = next.sent;
    const subscribes = !verb.includes("UNSUBSCRIBE");
    if (subscribes && names.some((name) => this.#server.denied.has(name))) {
      this.#pending.shift();
      next.command.settle(new ServerError("NOPERM this user has no permissions to access one of the channels"));
      return;
    }
    const held = this.#held[/^P/.test(verb) ? "p" : /^S(S|UNS)/.test(verb) ? "s" : ""];
    const kind = verb.toLowerCase() as ConfirmationKind;
    for (const name of names) {
      if (subscribes) held.add(name);
      else held.delete(name);
      this.pushes?.confirmation(
        kind,
        name,
        held === this.#held.s ? held.size : this.#held[""].size + this.#held.p.size,
      );
    }
  }

  answered(): void {
    this.#pending.shift();
    this.proof = takeMoment();
  }

  afterFence(passed: () => void): void {
    queueMicrotask(() => {
      if (this.reason === null) passed();
    });
  }

  publish(channel: string, text: string): number {
    if (this.reason !== null) return 0;
    let receivers = 0;
    if (this.#held[""].has(channel)) {
      this.pushes?.message(nameOf(channel), payloadOf(text));
      receivers++;
    }
    for (const pattern of this.#held.p) {
      if (!new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(channel)) continue;
      this.pushes?.pmessage(nameOf(pattern), nameOf(channel), payloadOf(text));
      receivers++;
    }
    return receivers;
  }

  onClosed(listener: (reason: TidingsError) => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((one) => one !== listener);
    };
  }

  /** The connection is lost. */
  destroy(reason: unknown = new ConnectionError("The connection was closed by the server.")): void {
    if (this.reason !== null) return;
    this.reason = reason as TidingsError;
    const pending = this.#pending;
    this.#pending = [];
    queueMicrotask(() => {
      for (const { command } of pending) command.lost();
      for (const listener of this.#listeners) listener(reason as TidingsError);
    });
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

function nameOf(key: string): Name {
  return { key: () => key, in: <V>(names: NameMap<V>) => names.get(key) };
}

function payloadOf(text: string): Payload {
  return { byteLength: Buffer.byteLength(text), text: () => text, bytes: () => Buffer.from(text) };
}
