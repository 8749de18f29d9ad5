import type { Message } from "../model/message.ts";
import type { AnyItem, DataOf, FormOf } from "../model/types.ts";
import { NodePlacement } from "../placement/node-placement.ts";
import { type ClusterPubSubOptions, checkedOptions, checks } from "./options.ts";
import { PatternSubscriber } from "./pattern-subscriber.ts";
import { type ClusterSource, clusterConnections } from "./source.ts";

/**
 * A consumer of channels and patterns of a cluster, at one of its nodes: whatever is published at any node reaches them
 * all. It goes to another node when its own dies, leaves the cluster or loses the majority. Usually made by
 * `cluster.pubsub()`; `new ClusterPubSub(cluster, options)` is the same, not opened yet.
 */
export class ClusterPubSub<Item extends AnyItem = Message> extends PatternSubscriber<Item> {
  /** Not opened yet. With a codec or `names` of its own, name the item: `new ClusterPubSub<Message<Order>>(…)`. */
  constructor(client: ClusterSource, options?: ClusterPubSubOptions<DataOf<Item>, FormOf<Item>>) {
    const source = clusterConnections("ClusterPubSub", client);
    const given = checkedOptions("pubsub()", options, checks.ClusterPubSub);
    super(source, given, {
      channels: "channel",
      placement: (host) => new NodePlacement(source, host, given.readFromReplicas ?? source.defaults.readFromReplicas),
    });
  }
}
