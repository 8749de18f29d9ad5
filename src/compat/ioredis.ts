import { createHash } from "node:crypto";
import { ArgumentError, type Reply } from "tidings";
import type { Name } from "./arrived.ts";
import { splitCallback, surface } from "./calls.ts";
import { commandNames, foreignToIoredis } from "./command-names.ts";
import { addMethods, argumentsOf, fieldsOf, run, unsupported } from "./commands.ts";
import { Face, type FaceOptions, namesOf } from "./face.ts";
import type { AnyClient } from "./group.ts";
import type { Status } from "./life-cycle.ts";
import type { Kind, Subscription } from "./subscriptions.ts";

/** Options of {@link asIoredis}. */
export interface IoredisFaceOptions extends FaceOptions {
  /** Connects at `connect()` or the first call, not at once. Default false. */
  readonly lazyConnect?: boolean | undefined;
}

/** A Lua script that `defineCommand` makes a method of. */
interface ScriptDefinition {
  readonly lua: string;
  readonly numberOfKeys?: number | undefined;
}

const WAY = "The face passes on Pub/Sub and simple commands: make a client of ioredis itself for the rest.";

/** The shape of an ioredis client on a client of tidings. */
export class IoredisFace extends Face {
  /** Read by some libraries. */
  readonly options: IoredisFaceOptions;

  constructor(client: AnyClient, options: IoredisFaceOptions) {
    super(client, options);
    this.options = options;
    if (options.lazyConnect !== true) this.begin();
  }

  override get status(): Status {
    return super.status;
  }

  get isCluster(): boolean {
    return this.ofCluster;
  }

  get mode(): "normal" | "subscriber" {
    return this.subscriptions.count("channel") + this.subscriptions.count("shard") > 0 ? "subscriber" : "normal";
  }

  connect(...args: unknown[]): Promise<void> {
    const { callback } = splitCallback<void>(args);
    return this.settle(this.started(), callback);
  }

  /** Ends at once; what is on its way is not heard. */
  disconnect(reconnect = false): void {
    if (reconnect) throw new ArgumentError("disconnect(true) is not for this face: tidings reconnects by itself.");
    if (this.status !== "end") void this.finish();
  }

  /** The same as `disconnect()`. */
  end(): void {
    this.disconnect();
  }

  /** Lets what was published before arrive, then ends. */
  quit(...args: unknown[]): Promise<"OK"> {
    const { callback } = splitCallback<"OK">(args);
    return this.settle(
      this.quitted().then(() => "OK" as const),
      callback,
    );
  }

  /** Another face on the same client. */
  duplicate(override: Partial<IoredisFaceOptions> = {}): IoredisFace {
    const { owns = this.options.owns, lazyConnect = this.options.lazyConnect, buffer = this.options.buffer } = override;
    return new IoredisFace(this.client, { owns, lazyConnect, buffer });
  }

  /** Of a cluster: one that answers for all. */
  nodes(): IoredisFace[] {
    return [this];
  }

  subscribe(...args: unknown[]): Promise<number> {
    return this.#subscribe("channel", args);
  }

  psubscribe(...args: unknown[]): Promise<number> {
    return this.#subscribe("pattern", args);
  }

  ssubscribe(...args: unknown[]): Promise<number> {
    return this.#subscribe("shard", args);
  }

  unsubscribe(...args: unknown[]): Promise<number> {
    return this.#unsubscribe("channel", args);
  }

  punsubscribe(...args: unknown[]): Promise<number> {
    return this.#unsubscribe("pattern", args);
  }

  sunsubscribe(...args: unknown[]): Promise<number> {
    return this.#unsubscribe("shard", args);
  }

  publish(...all: unknown[]): Promise<number> {
    const { args, callback } = splitCallback<number>(all);
    return this.settle(this.published("PUBLISH", args[0], args[1]), callback);
  }

  spublish(...all: unknown[]): Promise<number> {
    const { args, callback } = splitCallback<number>(all);
    return this.settle(this.published("SPUBLISH", args[0], args[1]), callback);
  }

  pubsub(...args: unknown[]): Promise<Reply> {
    return this.#command("PUBSUB", args);
  }

  call(name: string, ...args: unknown[]): Promise<Reply> {
    return this.#command(name, args);
  }

  callBuffer(name: string, ...args: unknown[]): Promise<Reply> {
    return this.#command(name, args, false);
  }

  send_command(name: string, ...args: unknown[]): Promise<Reply> {
    return this.#command(name, args);
  }

  /** Makes a method of a Lua script (EVALSHA, and EVAL where the server does not know it yet). */
  defineCommand(name: string, { lua, numberOfKeys }: ScriptDefinition): void {
    const sha = createHash("sha1").update(lua).digest("hex");
    const define = (method: string, asText: boolean): void => {
      const script = (...all: unknown[]): Promise<Reply> => {
        const { args, callback } = splitCallback<Reply>(all);
        const keysAndMore = numberOfKeys === undefined ? args : [numberOfKeys, ...args];
        return this.settleCommand(this.#script(lua, sha, keysAndMore, asText), callback);
      };
      Object.defineProperty(this, method, { value: script, writable: true, configurable: true, enumerable: true });
    };
    define(name, true);
    define(`${name}Buffer`, false);
  }

  protected override lost(delay: number): void {
    this.tell("close");
    this.tell("reconnecting", delay);
  }

  #command(name: string, all: readonly unknown[], asText = true): Promise<Reply> {
    const { args, callback } = splitCallback<Reply>(all);
    const own = this.#ownCommand(name, args);
    if (own !== null) return this.settle(own, callback);
    return this.settleCommand(this.#run(name, args, asText), callback);
  }

  /** What changes the face itself, wherever it is asked for. */
  #ownCommand(name: string, args: readonly unknown[]): Promise<Reply> | null {
    const method = name.toLowerCase();
    const own = ["subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"];
    if (!own.includes(method) && !["publish", "spublish", "quit"].includes(method)) return null;
    return (this[method as "subscribe"] as (...args: unknown[]) => Promise<Reply>)(...args.flat());
  }

  async #run(name: string, args: readonly unknown[], asText: boolean): Promise<Reply> {
    this.assertOpen();
    this.begin();
    const reply = await run(this.client, name, argumentsOf(args), asText);
    return name.toLowerCase() === "hgetall" ? (fieldsOf(reply) as unknown as Reply) : reply;
  }

  async #script(lua: string, sha: string, args: readonly unknown[], asText: boolean): Promise<Reply> {
    try {
      return await this.#run("EVALSHA", [sha, ...args], asText);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "NOSCRIPT") throw error;
      return this.#run("EVAL", [lua, ...args], asText);
    }
  }

  #subscribe(kind: Kind, all: readonly unknown[]): Promise<number> {
    const { args, callback } = splitCallback<number>(all);
    return this.settle(
      (async () => {
        const subscriptions = namesOf(args).map((name): Subscription => [name, this.#listener(kind, name)]);
        return this.subscribed(kind, subscriptions);
      })(),
      callback,
    );
  }

  #unsubscribe(kind: Kind, all: readonly unknown[]): Promise<number> {
    const { args, callback } = splitCallback<number>(all);
    const names = args.length === 0 ? null : namesOf(args);
    return this.settle(this.unsubscribed(kind, names), callback);
  }

  /** Hands the messages of a name to the listeners of the two events, each in the form that it wants. */
  #listener(kind: Kind, name: Name): Subscription[1] {
    const event = kind === "pattern" ? "pmessage" : kind === "shard" ? "smessage" : "message";
    const ofBytes = `${event}Buffer`;
    const isPattern = kind === "pattern";
    // Not by tell(): the arguments of each message would be gathered once more.
    return (channel, arrived) => {
      try {
        const isText = this.listenerCount(event) > 0;
        if (isText && isPattern) this.emit(event, name.text, channel, arrived.text());
        else if (isText) this.emit(event, channel, arrived.text());
      } catch (error) {
        surface(error);
      }
      try {
        if (this.listenerCount(ofBytes) === 0) return;
        if (isPattern) this.emit(ofBytes, name.bytes, arrived.channelBytes(), arrived.bytes());
        else this.emit(ofBytes, name.bytes, arrived.bytes());
      } catch (error) {
        surface(error);
      }
    };
  }

  static {
    addMethods(this.prototype, commandNames, (name) => {
      return function (this: IoredisFace, ...args: unknown[]) {
        return this.#command(name, args);
      };
    });
    addMethods(
      this.prototype,
      commandNames.map((name) => `${name}Buffer`),
      (name) => {
        const command = name.slice(0, -"Buffer".length);
        return function (this: IoredisFace, ...args: unknown[]) {
          return this.#command(command, args, false);
        };
      },
    );
    addMethods(this.prototype, foreignToIoredis, (name) => unsupported("asIoredis", name, WAY));
  }
}
