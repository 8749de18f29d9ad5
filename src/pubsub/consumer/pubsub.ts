import { ArgumentError } from "../../errors.ts";
import type { Message } from "../model/message.ts";
import type { AnyItem, DataOf, FormOf } from "../model/types.ts";
import { OneLink } from "../placement/one-link.ts";
import { checkedOptions, checks, type PubSubOptions } from "./options.ts";
import { PatternSubscriber } from "./pattern-subscriber.ts";
import type { SubscriberSource } from "./source.ts";

/**
 * A consumer of channels and patterns on one server, over a connection of its own. Usually made by `client.pubsub()`;
 * `new PubSub(client, options)` is the same, not opened yet.
 */
export class PubSub<Item extends AnyItem = Message> extends PatternSubscriber<Item> {
  /** Not opened yet. With a codec or `names` of its own, name the item: `new PubSub<Message<Order>>(client, …)`. */
  constructor(source: SubscriberSource, options?: PubSubOptions<DataOf<Item>, FormOf<Item>>) {
    refuseCluster(source);
    super(source, checkedOptions("pubsub()", options, checks.PubSub), {
      channels: "channel",
      placement: (host) =>
        new OneLink(
          host.link({
            dial: (timeouts, signal) => source.lease(timeouts, signal),
            release: (connection) => source.release(connection),
          }),
        ),
    });
  }
}

function refuseCluster(source: object): void {
  if ("topology" in source)
    throw new ArgumentError("This client is a cluster's: use ClusterPubSub, or client.pubsub().");
}
