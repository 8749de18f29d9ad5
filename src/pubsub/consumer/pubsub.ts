import type { Message } from "../model/message.ts";
import type { AnyItem, DataOf, FormOf } from "../model/types.ts";
import { OneLink } from "../placement/one-link.ts";
import { checkedOptions, checks, type PubSubOptions } from "./options.ts";
import { PatternSubscriber } from "./pattern-subscriber.ts";
import { type SubscriberSource, serverConnections } from "./source.ts";

/**
 * A consumer of channels and patterns on one server, over a connection of its own. Usually made by `client.pubsub()`;
 * `new PubSub(client, options)` is the same, not opened yet.
 */
export class PubSub<Item extends AnyItem = Message> extends PatternSubscriber<Item> {
  /** Not opened yet. With a codec or `names` of its own, name the item: `new PubSub<Message<Order>>(client, …)`. */
  constructor(client: SubscriberSource, options?: PubSubOptions<DataOf<Item>, FormOf<Item>>) {
    const source = serverConnections("PubSub", client);
    super(source, checkedOptions("pubsub()", options, checks.PubSub), {
      channels: "channel",
      placement: (host) => OneLink.toServer(source, host),
    });
  }
}
