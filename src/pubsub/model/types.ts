import type { ServerError } from "../../errors.ts";
import type { NameInput } from "../../names.ts";
import type { Gap } from "./gap.ts";
import type { ChannelMessage, Confirmation, Message, PatternMessage, PublishedMessage } from "./message.ts";
import type { State } from "./state.ts";

/** Any item of any consumer. */
export type AnyItem = Message<unknown, unknown> | Gap<unknown>;

/**
 * What a consumer yields: published messages; confirmations too, unless `ignoreSubscribeMessages: true`; gaps too, with
 * `includeGaps: true`.
 */
export type ItemOf<Data, Name, Ignore extends boolean, Gaps extends boolean = false> =
  | PublishedMessage<Data, Name>
  | ([Ignore] extends [true] ? never : Confirmation<Name>)
  | ([Gaps] extends [false] ? never : Gap<Name>);

/** What `receive`, `messages` and `batches` give of a consumer's items: all but confirmations. */
export type DeliveredOf<Item> = Extract<Item, { readonly type: "message" | "pmessage" | "gap" }>;
/** The messages of channels among a consumer's items. */
export type ChannelMessageOf<Item> = Extract<Item, { readonly type: "message" }>;
/** The messages of patterns among a consumer's items. */
export type PatternMessageOf<Item> = Extract<Item, { readonly type: "pmessage" }>;
/** How a consumer shows names. */
export type NameOf<Item> = Item extends { readonly type: "message"; readonly channel: infer Name } ? Name : never;

/** What a consumer's `data` is. */
export type DataOf<Item> = Item extends { readonly type: "message"; readonly data: infer Data } ? Data : never;
/** Whether a consumer shows names as text or as Buffers. */
export type FormOf<Item> = [NameOf<Item>] extends [Buffer] ? "bytes" : "utf8";

/**
 * Takes the messages of one channel or pattern. A promise that it returns is awaited before its next message; others do
 * not wait. What it throws is emitted as `error`, in a `HandlerError`.
 */
export type Handler<M = ChannelMessage | PatternMessage> = (message: M) => unknown;

/**
 * A handler as `channels` and `patterns` show it. It is compared like a method, so that a consumer of fewer kinds of items
 * may stand where one of more is expected.
 */
export type ShownHandler<M> = { handler(message: M): unknown }["handler"];

/** Names with their handlers (`null`: none): an object, a Map, or any iterable of pairs. */
export type Handlers<M> =
  | Readonly<Record<string, Handler<M> | null>>
  | ReadonlyMap<NameInput, Handler<M> | null>
  | Iterable<readonly [NameInput, Handler<M> | null]>;

/** Options of one `subscribe`. */
export interface SubscribeOptions {
  /** Milliseconds of silence on a ready connection before `TimeoutError`. Default: the consumer's `subscriptionTimeout`. */
  readonly timeout?: number | undefined;
  /** Aborting rejects the call and withdraws what only it wanted. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What `messages`, `batches` and a loop iterate with: declared here, because TypeScript 5.6 changed its own interface. */
export interface ItemIterator<Item> extends AsyncIterator<Item, undefined> {
  [Symbol.asyncIterator](): ItemIterator<Item>;
}

/** Options of `receive`. */
export interface ReceiveOptions {
  /** Milliseconds before `TimeoutError`; 0 asks what is there now. Default: waits. */
  readonly timeout?: number | undefined;
  /** Aborting ends the wait: the call rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `getMessage`. */
export interface GetMessageOptions extends ReceiveOptions {
  /** Gives `null` for a confirmation. Default: the consumer's. */
  readonly ignoreSubscribeMessages?: boolean | undefined;
}

/** Options of `messages` and `batches`. */
export interface MessagesOptions {
  /** Aborting ends the wait: `next` rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Closes the consumer when the loop is left, for frameworks that end iterators. Default false. */
  readonly closeOnReturn?: boolean | undefined;
  /** `"closed"`: the iterator outlives an empty set of subscriptions. Default: ends when nothing is left. */
  readonly until?: "closed" | undefined;
}

/** What came with a new state of a consumer. */
export interface StateChange {
  readonly previous: State;
  /** Why the connection is lost, or why it failed; `null` in the other states. */
  readonly cause: unknown;
  /** Milliseconds until the next attempt to connect; `null` where none is due. */
  readonly retryIn: number | null;
}

/** Events of a consumer, by name. */
export interface ConsumerEvents<Name = string | Buffer> {
  /**
   * A handler failed, or the consumer did. If there is a listener: a payload was refused (`CodecError`), or the server was
   * a primary and is a replica now (`PubSubError`; RESP3, asked every `maxIdle` ms; a cluster's consumers see to it themselves).
   */
  error: [error: Error];
  /** Messages may have been missed; told as soon as the names are restored. */
  gap: [gap: Gap<Name>];
  /** The state has changed. */
  state: [state: State, change: StateChange];
  /** Names stay wanted that the server denies; listed in `error.names`. Told once until they are granted. */
  denied: [error: ServerError];
  /** The consumer holds as many messages as it may: nothing is read from the network until it has room again. */
  pause: [];
  /** Reading goes on. */
  resume: [];
  /** The consumer is closed and its connection released. */
  close: [];
}

/** What listens to an event of a consumer of these items. */
export type ListenerOf<Item, Event extends keyof ConsumerEvents> = (
  ...args: ConsumerEvents<NameOf<Item>>[Event]
) => void;

/** What a consumer of channels does. Depend on it, and fake it in tests. */
export interface Consumer<Item extends AnyItem = Message> extends AsyncIterable<Item>, AsyncDisposable {
  subscribe(...names: [NameInput, ...NameInput[]]): Promise<void>;
  subscribe(names: NameInput | Iterable<NameInput>, options?: SubscribeOptions): Promise<void>;
  subscribe(
    names: NameInput | Iterable<NameInput>,
    handler: Handler<ChannelMessageOf<Item>> | undefined,
    options?: SubscribeOptions,
  ): Promise<void>;
  subscribe(handlers: Handlers<ChannelMessageOf<Item>>, options?: SubscribeOptions): Promise<void>;
  unsubscribe(...names: NameInput[]): Promise<void>;
  unsubscribe(names: Iterable<NameInput>): Promise<void>;
  getMessage(
    options: GetMessageOptions & { readonly ignoreSubscribeMessages: true },
  ): Promise<DeliveredOf<Item> | null>;
  getMessage(options?: GetMessageOptions): Promise<Item | null>;
  receive(options?: ReceiveOptions): Promise<DeliveredOf<Item>>;
  messages(options?: MessagesOptions): ItemIterator<DeliveredOf<Item>>;
  batches(options?: MessagesOptions): ItemIterator<DeliveredOf<Item>[]>;
  readonly channels: ReadonlyMap<NameOf<Item>, ShownHandler<ChannelMessageOf<Item>> | null>;
  readonly subscribed: boolean;
  readonly denied: ReadonlyMap<NameOf<Item>, ServerError>;
  readonly state: State;
  readonly closed: boolean;
  on<Event extends keyof ConsumerEvents>(name: Event, listener: ListenerOf<Item, Event>): this;
  once<Event extends keyof ConsumerEvents>(name: Event, listener: ListenerOf<Item, Event>): this;
  off<Event extends keyof ConsumerEvents>(name: Event, listener: ListenerOf<Item, Event>): this;
  retry(): Promise<void>;
  drain(options?: { readonly timeout?: number | undefined }): Promise<void>;
  close(): Promise<void>;
}

/** What a consumer of channels and patterns does. */
export interface PatternConsumer<Item extends AnyItem = Message> extends Consumer<Item> {
  psubscribe(...patterns: [NameInput, ...NameInput[]]): Promise<void>;
  psubscribe(patterns: NameInput | Iterable<NameInput>, options?: SubscribeOptions): Promise<void>;
  psubscribe(
    patterns: NameInput | Iterable<NameInput>,
    handler: Handler<PatternMessageOf<Item>> | undefined,
    options?: SubscribeOptions,
  ): Promise<void>;
  psubscribe(handlers: Handlers<PatternMessageOf<Item>>, options?: SubscribeOptions): Promise<void>;
  punsubscribe(...patterns: NameInput[]): Promise<void>;
  punsubscribe(patterns: Iterable<NameInput>): Promise<void>;
  readonly patterns: ReadonlyMap<NameOf<Item>, ShownHandler<PatternMessageOf<Item>> | null>;
}
