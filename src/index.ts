/// <reference types="node" />
export type { Client, ClientEvents } from "./client/base-client.ts";
export type { NatMap, RedisClusterOptions, Seed } from "./client/cluster-options.ts";
export type { ClientState } from "./client/command-link.ts";
export type { ClientOptions, CredentialsProvider, PoolOptions, RedisOptions } from "./client/options.ts";
export { Redis } from "./client/redis.ts";
export { RedisCluster } from "./client/redis-cluster.ts";
export type { ShortOptions } from "./client/short.ts";
export { bytes, type Codec, json, utf8 } from "./codec.ts";
export type { Credentials } from "./connection/settings.ts";
export { constantDelay, exponentialBackoff, noRetry, type RetryPolicy } from "./core/backoff.ts";
export type { DiagnosticName } from "./diagnostics.ts";
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
export type { Overflow } from "./pubsub/backlog.ts";
export { ClusterPubSub } from "./pubsub/cluster-pubsub.ts";
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
export type {
  AuditOptions,
  BufferOptions,
  ClusterPubSubOptions,
  Named,
  ProbeOptions,
  PubSubOptions,
  ShardedPubSubOptions,
} from "./pubsub/options.ts";
export { PubSub } from "./pubsub/pubsub.ts";
export { ShardedPubSub } from "./pubsub/sharded-pubsub.ts";
export type { ClusterSource, ConsumerSource, SubscriberSource } from "./pubsub/source.ts";
export type { ClientStats, ConsumerStats } from "./pubsub/stats.ts";
export type { State } from "./pubsub/subscriptions.ts";
export type {
  Consumer,
  ConsumerEvents,
  GetMessageOptions,
  Handler,
  Handlers,
  ItemIterator,
  ItemOf,
  MessagesOptions,
  PatternConsumer,
  ReceiveOptions,
  SubscribeOptions,
} from "./pubsub/types.ts";
export type { Argument } from "./resp/encoder.ts";
export type { Reply } from "./resp/reply.ts";
