import type { Message } from "../model/message.ts";
import type { AnyItem, DataOf, FormOf } from "../model/types.ts";
import { OneLink } from "../placement/one-link.ts";
import { checkedOptions, checks, noReplicas, type ShardedPubSubOptions } from "./options.ts";
import { anyConnections, type ClusterSource, isOfCluster, type SubscriberSource } from "./source.ts";
import { Subscriber } from "./subscriber.ts";

/**
 * A consumer of shard channels (SSUBSCRIBE, server 7.0): of a single server over one connection; of a cluster each at the
 * node that serves its slot, over one connection for each node that is needed. It follows slots that move, failovers, and nodes that come and go. There are no patterns:
 * the server matches none to shard channels. Usually made by `client.shardedPubsub()`;
 * `new ShardedPubSub(client, options)` is the same, not opened yet.
 */
export class ShardedPubSub<Item extends AnyItem = Message> extends Subscriber<Item> {
  /** Not opened yet. With a codec or `names` of its own, name the item: `new ShardedPubSub<Message<Order>>(…)`. */
  constructor(client: SubscriberSource | ClusterSource, options?: ShardedPubSubOptions<DataOf<Item>, FormOf<Item>>) {
    const source = anyConnections("ShardedPubSub", client);
    const known = isOfCluster(source)
      ? checks.ShardedPubSub
      : { ...checks.ShardedPubSub, readFromReplicas: noReplicas };
    const given = checkedOptions("shardedPubsub()", options, known);
    super(source, given, {
      channels: "shard",
      placement: (host) =>
        isOfCluster(source)
          ? source.shardPlacement(host, given.readFromReplicas ?? source.defaults.readFromReplicas)
          : OneLink.toServer(source, host),
    });
  }
}
