/// <reference types="node" />
/**
 * Clients, consumers, codecs, errors: `import { Redis } from "tidings"`.
 *
 * @module tidings
 */
export type { Client, ClientEvents, DrainOptions } from "./client/client.ts";
export type { NatMap, RedisClusterOptions, Seed } from "./client/cluster/options.ts";
export { RedisCluster } from "./client/cluster/redis-cluster.ts";
export type { ClientState } from "./client/command-link.ts";
export type { ClientOptions, CredentialsProvider, PoolOptions, RedisOptions } from "./client/options.ts";
export { Redis } from "./client/redis.ts";
export type { SharedConsumerOptions } from "./client/shared-arguments.ts";
export { bytes, type Codec, json, utf8 } from "./codec.ts";
export type { Credentials, Endpoint } from "./connection/settings.ts";
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
export { ClusterPubSub } from "./pubsub/consumer/cluster-pubsub.ts";
export type {
  AuditOptions,
  BufferOptions,
  ClusterPubSubOptions,
  NameIn,
  ProbeOptions,
  PubSubOptions,
  ShardedPubSubOptions,
} from "./pubsub/consumer/options.ts";
export { PubSub } from "./pubsub/consumer/pubsub.ts";
export { ShardedPubSub } from "./pubsub/consumer/sharded-pubsub.ts";
export type { ClusterSource, SubscriberSource } from "./pubsub/consumer/source.ts";
export type { Overflow } from "./pubsub/delivery/backlog.ts";
export type { ClientStats, ConsumerStats } from "./pubsub/delivery/stats.ts";
export type { Gap, GapCause } from "./pubsub/model/gap.ts";
export type {
  ChannelConfirmation,
  ChannelMessage,
  Confirmation,
  Message,
  PatternConfirmation,
  PatternMessage,
  PublishedMessage,
} from "./pubsub/model/message.ts";
export type { State } from "./pubsub/model/state.ts";
export type {
  AnyItem,
  Consumer,
  ConsumerEvents,
  GetMessageOptions,
  Handler,
  Handlers,
  ItemIterator,
  ItemOf,
  ListenerOf,
  MessagesOptions,
  PatternConsumer,
  ReceiveOptions,
  ShownHandler,
  StateChange,
  SubscribeOptions,
} from "./pubsub/model/types.ts";
export type { Argument } from "./resp/encoder.ts";
export type { Reply } from "./resp/reply.ts";
