/** A message published to a channel, or to a shard channel. */
export interface ChannelMessage<Data = string, Name = string> {
  readonly type: "message";
  readonly pattern: null;
  readonly channel: Name;
  readonly data: Data;
}

/** A message published to a channel that a subscribed pattern matches. */
export interface PatternMessage<Data = string, Name = string> {
  readonly type: "pmessage";
  readonly pattern: Name;
  readonly channel: Name;
  readonly data: Data;
}

/** A published message. */
export type PublishedMessage<Data = string, Name = string> = ChannelMessage<Data, Name> | PatternMessage<Data, Name>;

/** The server's confirmation that a channel was subscribed or unsubscribed. */
export interface ChannelConfirmation<Name = string> {
  readonly type: "subscribe" | "unsubscribe" | "ssubscribe" | "sunsubscribe";
  readonly pattern: null;
  readonly channel: Name;
  /** The subscriptions of the connection after it, as the server counts them. */
  readonly data: number;
}

/** The server's confirmation that a pattern was subscribed or unsubscribed. */
export interface PatternConfirmation<Name = string> {
  readonly type: "psubscribe" | "punsubscribe";
  readonly pattern: Name;
  readonly channel: Name;
  /** The subscriptions of the connection after it, as the server counts them. */
  readonly data: number;
}

/** A confirmation of either kind. */
export type Confirmation<Name = string> = ChannelConfirmation<Name> | PatternConfirmation<Name>;

/** All that a consumer yields by default, told apart by `type`. */
export type Message<Data = string, Name = string> = PublishedMessage<Data, Name> | Confirmation<Name>;
