/// <reference types="node" />
export type { ClientState } from "./client/command-link.ts";
export type { ClientOptions, CredentialsProvider, PoolOptions, RedisOptions } from "./client/options.ts";
export { type Client, type ClientEvents, Redis } from "./client/redis.ts";
export { bytes, type Codec, json, utf8 } from "./codec.ts";
export type { Credentials } from "./connection/settings.ts";
export { constantDelay, exponentialBackoff, noRetry, type RetryPolicy } from "./core/backoff.ts";
export {
  ArgumentError,
  ClosedError,
  ClusterError,
  CodecError,
  ConnectionError,
  HandlerError,
  ProtocolError,
  PubSubError,
  ServerError,
  type ServerErrorCode,
  TidingsError,
  type TidingsErrorCode,
  TimeoutError,
} from "./errors.ts";
export type { NameForm, NameInput } from "./names.ts";
export type { State } from "./pubsub/engine.ts";
export type { Gap, GapCause } from "./pubsub/gap.ts";
export type {
  ChannelConfirmation,
  ChannelMessage,
  Confirmation,
  Message,
  PatternConfirmation,
  PatternMessage,
  PublishedMessage,
} from "./pubsub/message.ts";
export type { Named, PubSubOptions } from "./pubsub/options.ts";
export { PubSub } from "./pubsub/pubsub.ts";
export type { SubscriberSource } from "./pubsub/source.ts";
export type {
  Consumer,
  ConsumerEvents,
  GetMessageOptions,
  Handler,
  Handlers,
  ItemOf,
  MessagesOptions,
  PatternConsumer,
  ReceiveOptions,
  SubscribeOptions,
} from "./pubsub/types.ts";
export type { Argument } from "./resp/encoder.ts";
export type { Reply } from "./resp/reply.ts";
