import type { NameForm, NameInput } from "../names.ts";
import type { NameIn, PubSubOptions, ShardedPubSubOptions } from "../pubsub/consumer/options.ts";
import type { ChannelMessage, PatternMessage } from "../pubsub/model/message.ts";
import type { Consumer, Handler, ItemOf, PatternConsumer } from "../pubsub/model/types.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";
import type { SharedConsumerOptions } from "./shared-arguments.ts";

/** Events of a client, by name. */
export interface ClientEvents {
  /**
   * Commands can no longer be served (login refused, policy exhausted) while no call waited to be told; or the primary
   * has become a replica (`PubSubError`), where what is published reaches its own subscribers alone. Errors of a consumer
   * that has no listener of its own come here too.
   */
  error: [error: Error];
  /** A connection for commands was made. */
  connect: [];
  /** It is ready: the handshake is done. */
  ready: [];
  /**
   * The connection for commands is lost, or an attempt failed, or the first attempt of a consumer did; the next attempt
   * comes in `delay` ms.
   */
  reconnecting: [info: { readonly delay: number; readonly cause: unknown }];
  close: [];
}

/** How names are shown where they are of this type. */
type FormFor<Name> = [Name] extends [Buffer] ? "bytes" : "utf8";

/** Options of `drain`. */
export interface DrainOptions {
  /** Milliseconds before it closes all the same. Default 5000. */
  readonly timeout?: number | undefined;
}

/**
 * What a client does, be it of one server or of a cluster. Depend on it, and fake it in tests. `In` is what `publish` takes,
 * `Name` how names are shown, `Data` what messages carry.
 */
export interface Client<In = string, Name = string, Data = In> extends AsyncDisposable {
  publish(channel: NameInput, data: In | Uint8Array): Promise<number>;
  spublish(channel: NameInput, data: In | Uint8Array): Promise<number>;
  pubsubChannels(pattern?: NameInput): Promise<Name[]>;
  pubsubShardchannels(pattern?: NameInput): Promise<Name[]>;
  pubsubNumsub(...channels: NameInput[]): Promise<ReadonlyMap<Name, number>>;
  pubsubShardnumsub(...channels: NameInput[]): Promise<ReadonlyMap<Name, number>>;
  pubsubNumpat(): Promise<number>;
  call(command: string, ...args: Argument[]): Promise<Reply>;
  callBuffer(command: string, ...args: Argument[]): Promise<Reply>;
  pubsub<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = false, Gaps extends boolean = false>(
    options?: PubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<PatternConsumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  shardedPubsub<
    D = Data,
    F extends NameForm = FormFor<Name>,
    Ignore extends boolean = false,
    Gaps extends boolean = false,
  >(
    options?: ShardedPubSubOptions<D, F, Ignore, Gaps>,
  ): Promise<Consumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  subscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    handler?: Handler<ChannelMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PatternConsumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  subscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PatternConsumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  psubscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    patterns: NameInput | Iterable<NameInput>,
    handler?: Handler<PatternMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PatternConsumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  psubscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    patterns: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<PubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<PatternConsumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  ssubscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    handler?: Handler<ChannelMessage<NoInfer<D>, NameIn<NoInfer<F>>>>,
    options?: SharedConsumerOptions<ShardedPubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<Consumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  ssubscribe<D = Data, F extends NameForm = FormFor<Name>, Ignore extends boolean = true, Gaps extends boolean = false>(
    channels: NameInput | Iterable<NameInput>,
    options: SharedConsumerOptions<ShardedPubSubOptions<D, F, Ignore, Gaps>>,
  ): Promise<Consumer<ItemOf<NoInfer<D>, NameIn<NoInfer<F>>, NoInfer<Ignore>, NoInfer<Gaps>>>>;
  on<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  once<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  off<Event extends keyof ClientEvents>(name: Event, listener: (...args: ClientEvents[Event]) => void): this;
  drain(options?: DrainOptions): Promise<void>;
  close(): Promise<void>;
}
