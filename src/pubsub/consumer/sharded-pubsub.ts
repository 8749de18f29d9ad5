import type { Message } from "../model/message.ts";
import type { AnyItem, DataOf, FormOf } from "../model/types.ts";
import { ShardPlacement } from "../placement/shard-placement.ts";
import { requireCluster } from "./cluster-pubsub.ts";
import { checkedOptions, checks, type ShardedPubSubOptions } from "./options.ts";
import type { ClusterSource } from "./source.ts";
import { Subscriber } from "./subscriber.ts";

/**
 * A consumer of shard channels (SSUBSCRIBE, server 7.0), each at the node that serves its slot, over one connection for
 * each node that is needed. It follows slots that move, failovers, and nodes that come and go. There are no patterns:
 * the server matches none to shard channels. Usually made by `cluster.shardedPubsub()`;
 * `new ShardedPubSub(cluster, options)` is the same, not opened yet.
 */
export class ShardedPubSub<Item extends AnyItem = Message> extends Subscriber<Item> {
  /** Not opened yet. With a codec or `names` of its own, name the item: `new ShardedPubSub<Message<Order>>(…)`. */
  constructor(source: ClusterSource, options?: ShardedPubSubOptions<DataOf<Item>, FormOf<Item>>) {
    requireCluster("ShardedPubSub", source);
    const given = checkedOptions("shardedPubsub()", options, checks.ShardedPubSub);
    super(source, given, {
      channels: "shard",
      placement: (host) => new ShardPlacement(source, host, given.readFromReplicas ?? source.defaults.readFromReplicas),
    });
  }
}
