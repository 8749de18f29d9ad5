import { ClusterAdapter, type ClusterMessage, type ClusterResponse, MessageType } from "socket.io-adapter";
import { ArgumentError, type Gap } from "tidings";
import { Channels } from "./channels.ts";
import { encode } from "./encoding.ts";
import { type AnyClient, Subscriptions } from "./subscriptions.ts";

/** Messages between servers that may have been missed. */
export interface AdapterGap extends Gap {
  /** The rooms whose broadcasts it concerns; `null`: all of the namespace. */
  readonly rooms: readonly string[] | null;
}

/** A namespace of socket.io, as far as a gap needs it. */
export interface NamespaceLike {
  readonly name: string;
}

/** Options of {@link createAdapter}. */
export interface AdapterOptions<Namespace extends NamespaceLike = NamespaceLike> {
  /** What the names of channels begin with. Servers that are to hear each other have the same. Default `"socket.io"`. */
  readonly prefix?: string | undefined;
  /** Shard channels (SSUBSCRIBE, server 7.0): in a cluster only the nodes of a channel carry its messages. Default false. */
  readonly sharded?: boolean | undefined;
  /**
   * Gives each room a channel of its own, so that a server hears only the broadcasts to one room that it has sockets in. Then
   * `await socket.join(room)` waits until that channel is subscribed. Default: what `sharded` is.
   */
  readonly dynamicRooms?: boolean | undefined;
  /** Milliseconds to wait for the answers of other servers to `fetchSockets()` and `serverSideEmit()`. Default 5000. */
  readonly requestsTimeout?: number | undefined;
  /**
   * Broadcasts may have been missed, between `gap.from` and `gap.to`. Tell the sockets of this server to fetch anew:
   * `namespace.local.emit("refresh")`, or `namespace.local.to(gap.rooms).emit("refresh")` where rooms are named. Default: none.
   */
  readonly gap?: ((gap: AdapterGap, namespace: Namespace) => void) | undefined;
  /** What went wrong: a message that was not published, a channel that is denied. Default: one `process.emitWarning`. */
  readonly error?: ((error: Error) => void) | undefined;
}

/** The adapters of one client that hear each other on one connection: a count of connections misses all but one. */
const together: WeakMap<object, Map<string, number>> = new WeakMap();

const known: readonly string[] = ["prefix", "sharded", "dynamicRooms", "requestsTimeout", "gap", "error"];

/**
 * An adapter of socket.io on a client of tidings: `new Server({ adapter: createAdapter(client) })`. Everything goes over
 * shared connections of this one client. Subscriptions are kept through every fault, and what may have been missed is told to
 * `options.gap`. The client stays open when the server closes.
 *
 * @throws ArgumentError for what is no client of tidings, or an unknown option.
 */
export function createAdapter<Namespace extends NamespaceLike = NamespaceLike>(
  client: AnyClient,
  options: AdapterOptions<Namespace> = {},
): (namespace: unknown) => TidingsAdapter {
  if (typeof client !== "object" || client === null || !("~connections" in client)) {
    throw new ArgumentError("createAdapter takes a client of tidings: a Redis or a RedisCluster.");
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ArgumentError(`createAdapter knows no option "${unknown}". Known are ${known.join(", ")}.`);
  }
  // socket.io calls it with `new`, which an arrow function does not bear.
  return function adapter(namespace: unknown): TidingsAdapter {
    return new TidingsAdapter(namespace as NamespaceLike, client, options as AdapterOptions);
  };
}

/** What {@link createAdapter} makes for each namespace. */
export class TidingsAdapter extends ClusterAdapter {
  readonly requestsTimeout: number;
  readonly #client: AnyClient;
  readonly #options: AdapterOptions;
  readonly #sharded: boolean;
  readonly #dynamic: boolean;
  readonly #channels: Channels;
  readonly #subscriptions: Subscriptions;
  /** Rooms whose channels are asked for, by channel, with what resolves when they are subscribed. */
  readonly #rooms: Map<string, { readonly room: string; readonly subscribed: Promise<void> }> = new Map();

  readonly #subscribed: Promise<void>;
  /** Whether the count of connections has the one of this client. */
  #counted = false;
  #warned = false;
  #open = true;

  /** @internal */
  constructor(namespace: NamespaceLike, client: AnyClient, options: AdapterOptions) {
    super(namespace);
    this.#client = client;
    this.#options = options;
    this.requestsTimeout = options.requestsTimeout ?? 5000;
    this.#sharded = options.sharded ?? false;
    this.#dynamic = options.dynamicRooms ?? this.#sharded;
    this.#channels = new Channels(options.prefix ?? "socket.io", namespace.name);
    this.#subscriptions = new Subscriptions(client, this.#sharded, {
      message: (channel, message) => this.#heard(channel, message),
      gap: (gap) => this.#missed(gap),
      error: (error) => this.#failed(error),
    });
    if (this.#dynamic) {
      this.on("create-room", (room: string) => this.#roomMade(room));
      this.on("delete-room", (room: string) => this.#roomGone(room));
    }
    const counts = together.get(client) ?? new Map<string, number>();
    together.set(client, counts);
    counts.set(this.#channels.all, (counts.get(this.#channels.all) ?? 0) + 1);
    // Not in init(), which some versions of socket.io do not call.
    this.#subscribed = this.#subscriptions.subscribe(this.#channels.all, this.#channels.server(this.uid)).then(() => {
      this.#counted = true;
    });
  }

  /** Resolves when the server has confirmed the namespace's channels. */
  override init(): Promise<void> {
    return this.#subscribed;
  }

  /** Ends the subscriptions of the namespace; the client stays open. */
  override async close(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      const counts = together.get(this.#client);
      counts?.set(this.#channels.all, (counts.get(this.#channels.all) ?? 1) - 1);
    }
    this.#rooms.clear();
    await this.#subscriptions.close();
  }

  /** Of a room with a channel of its own, what is returned resolves when the room is heard. */
  override addAll(id: string, rooms: Set<string>): Promise<void> | void {
    void super.addAll(id, rooms);
    const pending = [...rooms].flatMap((room) => this.#rooms.get(this.#channels.room(room))?.subscribed ?? []);
    if (pending.length > 0) return Promise.all(pending).then(() => {});
  }

  /** How many servers there are: those that subscribe, and all of this client's, which share a subscription. */
  override async serverCount(): Promise<number> {
    const { all } = this.#channels;
    const counts = this.#sharded ? await this.#client.pubsubShardnumsub(all) : await this.#client.pubsubNumsub(all);
    const connections = counts.values().next().value ?? 0;
    const others = Math.max(0, connections - (this.#counted ? 1 : 0));
    return others + (together.get(this.#client)?.get(all) ?? 1);
  }

  /** Publishes what concerns all servers; sockets of this server do not wait for it. */
  protected override doPublish(message: ClusterMessage): Promise<string> {
    this.#publish(this.#channelOf(message), message);
    return Promise.resolve("");
  }

  protected override doPublishResponse(requester: string, response: ClusterResponse): Promise<void> {
    this.#publish(this.#channels.server(requester), response);
    return Promise.resolve();
  }

  #publish(channel: string, message: unknown): void {
    const payload = encode(message);
    const published = this.#sharded ? this.#client.spublish(channel, payload) : this.#client.publish(channel, payload);
    published.catch((error: Error) => this.#failed(error));
  }

  /** A broadcast to one public room goes to that room's channel; one that counts its answers to all servers. */
  #channelOf(message: ClusterMessage): string {
    if (!this.#dynamic || message.type !== MessageType.BROADCAST || message.data.requestId !== undefined) {
      return this.#channels.all;
    }
    const [room, ...others] = message.data.opts.rooms;
    const isPublic = room !== undefined && others.length === 0 && !looksLikeASocket(room);
    return isPublic ? this.#channels.room(room) : this.#channels.all;
  }

  #heard(channel: string, message: unknown): void {
    if (!isClusterMessage(message)) {
      this.#failed(new TypeError(`What was published on ${channel} is no message of this adapter.`));
      return;
    }
    if (channel === this.#channels.server(this.uid)) this.onResponse(message as ClusterResponse);
    else this.onMessage(message as ClusterMessage);
  }

  #missed(gap: Gap): void {
    const rooms: string[] = [];
    for (const channel of gap.channels) {
      const known = this.#rooms.get(channel);
      if (known !== undefined) rooms.push(known.room);
    }
    const ofAll = gap.channels.some((channel) => !this.#rooms.has(channel));
    const told: AdapterGap = { ...gap, rooms: ofAll ? null : rooms };
    this.#options.gap?.(told, this.nsp);
    this.emit("gap", told);
  }

  #failed(error: Error): void {
    if (this.#options.error !== undefined) this.#options.error(error);
    else if (!this.#warned) {
      this.#warned = true;
      const advice = 'Give createAdapter an "error" function to be told of each.';
      process.emitWarning(`${error.message.replace(/\.?$/, ".")} ${advice}`, { code: "TIDINGS_SOCKET_IO" });
    }
  }

  /** The rooms that socket.io makes of a socket's own id have no channel. */
  #roomMade(room: string): void {
    if (this.sids.has(room)) return;
    const channel = this.#channels.room(room);
    this.#rooms.set(channel, { room, subscribed: this.#subscriptions.subscribe(channel) });
  }

  #roomGone(room: string): void {
    const channel = this.#channels.room(room);
    if (this.#rooms.delete(channel)) void this.#subscriptions.unsubscribe(channel);
  }
}

/** Ids of sockets have 20 characters; where a room's name has as many, its broadcasts go to all servers. */
function looksLikeASocket(room: string): boolean {
  return room.length === 20;
}

function isClusterMessage(message: unknown): message is ClusterMessage | ClusterResponse {
  if (typeof message !== "object" || message === null) return false;
  const { uid, type } = message as Record<string, unknown>;
  return typeof uid === "string" && typeof type === "number";
}
