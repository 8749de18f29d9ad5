import { ArgumentError, type Reply } from "tidings";
import type { Name } from "./arrived.ts";
import { surface } from "./calls.ts";
import { foreignToNodeRedis } from "./command-names.ts";
import { addMethods, argumentsOf, fieldsOf, run, unsupported } from "./commands.ts";
import { Face, type FaceOptions, namesOf } from "./face.ts";
import type { AnyClient } from "./group.ts";
import type { Kind, Subscription } from "./subscriptions.ts";

/** Options of {@link asNodeRedis}. */
export type NodeRedisFaceOptions = FaceOptions;

/** What is subscribed with a name: it takes the message and the channel, both as text or both as Buffers. */
type Listener = (message: never, channel: never) => unknown;

/** The listeners of a name, those of text and those of Buffers. */
interface Listeners {
  readonly text: Set<Listener>;
  readonly bytes: Set<Listener>;
}

const WAY = 'Use sendCommand(["COMMAND", …]), or make a client of node-redis itself.';

/** The shape of a node-redis client on a client of tidings. */
export class NodeRedisFace extends Face {
  /** Read by some libraries. */
  readonly options: NodeRedisFaceOptions;
  readonly #listeners: Readonly<Record<Kind, Map<string, Listeners>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };

  constructor(client: AnyClient, options: NodeRedisFaceOptions) {
    super(client, options);
    this.options = options;
    if (!this.ofCluster) return;
    Object.defineProperty(this, "masters", { value: [{ client: this }], enumerable: true });
  }

  get isOpen(): boolean {
    return this.status !== "wait" && this.status !== "end";
  }

  get isReady(): boolean {
    return this.status === "ready";
  }

  get isPubSubActive(): boolean {
    return this.subscriptions.count("channel") + this.subscriptions.count("shard") > 0;
  }

  /** Optional here: the first call connects too. */
  connect(): Promise<this> {
    return this.settle(this.started().then(() => this));
  }

  /** Another face on the same client. */
  duplicate(override: Partial<NodeRedisFaceOptions> = {}): NodeRedisFace {
    const { owns = this.options.owns, buffer = this.options.buffer } = override;
    return new NodeRedisFace(this.client, { owns, buffer });
  }

  /** Lets what was published before arrive, then ends. */
  close(): Promise<void> {
    return this.settle(this.quitted());
  }

  /** The same as `close()`. */
  quit(): Promise<"OK"> {
    return this.settle(this.quitted().then(() => "OK" as const));
  }

  /** Ends at once; what is on its way is not heard. */
  destroy(): void {
    if (this.status !== "end") void this.finish();
  }

  /** The same as `destroy()`, as a promise. */
  async disconnect(): Promise<void> {
    if (this.status !== "end") await this.finish();
  }

  subscribe(channels: unknown, listener: unknown, asBytes = false): Promise<void> {
    return this.#subscribe("channel", channels, listener, asBytes);
  }

  pSubscribe(patterns: unknown, listener: unknown, asBytes = false): Promise<void> {
    return this.#subscribe("pattern", patterns, listener, asBytes);
  }

  sSubscribe(channels: unknown, listener: unknown, asBytes = false): Promise<void> {
    return this.#subscribe("shard", channels, listener, asBytes);
  }

  unsubscribe(channels?: unknown, listener?: unknown, asBytes = false): Promise<void> {
    return this.#unsubscribe("channel", channels, listener, asBytes);
  }

  pUnsubscribe(patterns?: unknown, listener?: unknown, asBytes = false): Promise<void> {
    return this.#unsubscribe("pattern", patterns, listener, asBytes);
  }

  sUnsubscribe(channels?: unknown, listener?: unknown, asBytes = false): Promise<void> {
    return this.#unsubscribe("shard", channels, listener, asBytes);
  }

  publish(channel: unknown, message: unknown): Promise<number> {
    return this.settle(this.published("PUBLISH", channel, message));
  }

  sPublish(channel: unknown, message: unknown): Promise<number> {
    return this.settle(this.published("SPUBLISH", channel, message));
  }

  /** Any command but those of subscriptions, as a list; of a cluster the key and whether it only reads come before it. */
  sendCommand(...args: unknown[]): Promise<Reply> {
    const list = args.find((arg) => Array.isArray(arg) && arg.length > 0 && typeof arg[0] === "string");
    const [command, ...rest] = (list ?? []) as [string, ...unknown[]];
    return this.command(command ?? "", rest);
  }

  /** Runs a command. @internal */
  command(command: string, args: readonly unknown[]): Promise<Reply> {
    return this.settleCommand(
      (async () => {
        this.assertOpen();
        this.begin();
        return run(this.client, command, argumentsOf(args), true);
      })(),
    );
  }

  protected override lost(_delay: number): void {
    this.tell("reconnecting");
  }

  #subscribe(kind: Kind, channels: unknown, listener: unknown, asBytes: boolean): Promise<void> {
    return this.settle(
      (async () => {
        if (typeof listener !== "function") {
          throw new ArgumentError("subscribe takes a listener: subscribe(channel, (message, channel) => …).");
        }
        this.assertOpen();
        const names = namesOf([channels]);
        for (const name of names) this.#add(kind, name, listener as Listener, asBytes);
        const subscriptions = names.map((name): Subscription => [name, this.#deliver(kind, name)]);
        try {
          await this.subscribed(kind, subscriptions);
        } catch (error) {
          for (const name of names) this.#remove(kind, name, listener as Listener, asBytes);
          throw error;
        }
      })(),
    );
  }

  #unsubscribe(kind: Kind, channels: unknown, listener: unknown, asBytes: boolean): Promise<void> {
    return this.settle(
      (async () => {
        if (channels === undefined || channels === null) {
          this.#listeners[kind].clear();
          await this.unsubscribed(kind, null);
          return;
        }
        const left = namesOf([channels]).filter((name) =>
          this.#remove(kind, name, listener as Listener | undefined, asBytes),
        );
        if (left.length > 0) await this.unsubscribed(kind, left);
      })(),
    );
  }

  #add(kind: Kind, { key }: Name, listener: Listener, asBytes: boolean): void {
    const listeners = this.#listeners[kind].get(key) ?? { text: new Set(), bytes: new Set() };
    this.#listeners[kind].set(key, listeners);
    listeners[asBytes ? "bytes" : "text"].add(listener);
  }

  /** Without a listener it removes all; true if none is left. */
  #remove(kind: Kind, { key }: Name, listener: Listener | undefined, asBytes: boolean): boolean {
    const listeners = this.#listeners[kind].get(key);
    if (listeners === undefined) return true;
    if (listener !== undefined) {
      listeners[asBytes ? "bytes" : "text"].delete(listener);
      if (listeners.text.size + listeners.bytes.size > 0) return false;
    }
    this.#listeners[kind].delete(key);
    return true;
  }

  /** Hands the messages of a name to its listeners, each in the form that it wants. */
  #deliver(kind: Kind, name: Name): Subscription[1] {
    const all = this.#listeners[kind];
    const { key } = name;
    return (channel, arrived) => {
      const listeners = all.get(key);
      if (listeners === undefined) return;
      if (listeners.text.size > 0) call(listeners.text, arrived.text(), channel);
      if (listeners.bytes.size > 0) {
        call(listeners.bytes, arrived.bytes(), kind === "pattern" ? arrived.channelBytes() : name.bytes);
      }
    };
  }

  static {
    const prototype = this.prototype as unknown as Record<string, unknown>;
    const commands: Readonly<Record<string, (face: NodeRedisFace, args: readonly unknown[]) => unknown>> = {
      ...simple({
        ping: "PING",
        echo: "ECHO",
        get: "GET",
        setEx: "SETEX",
        del: "DEL",
        exists: "EXISTS",
        expire: "EXPIRE",
        pExpire: "PEXPIRE",
        ttl: "TTL",
        pTTL: "PTTL",
        incr: "INCR",
        incrBy: "INCRBY",
        decr: "DECR",
        decrBy: "DECRBY",
        mGet: "MGET",
        hGet: "HGET",
        hSet: "HSET",
        hDel: "HDEL",
        sAdd: "SADD",
        sRem: "SREM",
        sMembers: "SMEMBERS",
        scriptLoad: "SCRIPT LOAD",
        time: "TIME",
        pubSubChannels: "PUBSUB CHANNELS",
        pubSubShardChannels: "PUBSUB SHARDCHANNELS",
        pubSubNumPat: "PUBSUB NUMPAT",
      }),
      hGetAll: async (face, args) => fieldsOf(await face.command("HGETALL", args)),
      set: (face, [key, value, options]) => face.command("SET", [key, value, ...setOptions(options)]),
      eval: (face, [script, options]) => face.command("EVAL", [script, ...scriptOptions(options)]),
      evalSha: (face, [sha, options]) => face.command("EVALSHA", [sha, ...scriptOptions(options)]),
      pubSubNumSub: async (face, args) => fieldsOf(await face.command("PUBSUB", ["NUMSUB", ...args])),
      pubSubShardNumSub: async (face, args) => fieldsOf(await face.command("PUBSUB", ["SHARDNUMSUB", ...args])),
    };
    addMethods(this.prototype, Object.keys(commands), (name) => {
      return function (this: NodeRedisFace, ...args: unknown[]) {
        return commands[name]?.(this, args);
      };
    });
    addMethods(this.prototype, foreignToNodeRedis, (name) => unsupported("asNodeRedis", name, WAY));
    // node-redis has each command in capitals too.
    const own = ["publish", "sPublish", "subscribe", "pSubscribe", "sSubscribe", "unsubscribe", "pUnsubscribe"];
    for (const name of [...Object.keys(commands), ...own, "sUnsubscribe"]) {
      const value = prototype[name];
      Object.defineProperty(prototype, capitals(name), { value, writable: true, configurable: true });
    }
  }
}

/** Each listener on its own: what one throws surfaces as itself, and the others hear the message. */
function call(listeners: ReadonlySet<Listener>, message: string | Buffer, channel: string | Buffer): void {
  for (const listener of listeners) {
    try {
      listener(message as never, channel as never);
    } catch (error) {
      surface(error);
    }
  }
}

function simple(
  commands: Readonly<Record<string, string>>,
): Record<string, (face: NodeRedisFace, args: readonly unknown[]) => Promise<Reply>> {
  const entries = Object.entries(commands).map(([method, words]) => {
    const [command = "", ...subcommand] = words.split(" ");
    return [
      method,
      (face: NodeRedisFace, args: readonly unknown[]) => face.command(command, [...subcommand, ...args]),
    ] as const;
  });
  return Object.fromEntries(entries);
}

/** `{ EX: 5, NX: true }` as words of SET. */
function setOptions(options: unknown): unknown[] {
  if (typeof options !== "object" || options === null) return [];
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (typeof value === "object" && value !== null && "type" in value)
      return [value.type, Reflect.get(value, "value")];
    if (name === "condition" || name === "expiration") return [value];
    return value === true ? [name] : [name, value];
  });
}

/** `{ keys, arguments }` as words of EVAL. */
function scriptOptions(options: unknown): unknown[] {
  const { keys = [], arguments: args = [] } = (options ?? {}) as { keys?: unknown[]; arguments?: unknown[] };
  return [keys.length, ...keys, ...args];
}

function capitals(name: string): string {
  const words: Readonly<Record<string, string>> = {
    pubSubNumSub: "PUBSUB_NUMSUB",
    pubSubShardNumSub: "PUBSUB_SHARDNUMSUB",
    pubSubNumPat: "PUBSUB_NUMPAT",
    pubSubChannels: "PUBSUB_CHANNELS",
    pubSubShardChannels: "PUBSUB_SHARDCHANNELS",
    scriptLoad: "SCRIPT_LOAD",
  };
  return words[name] ?? name.toUpperCase();
}
