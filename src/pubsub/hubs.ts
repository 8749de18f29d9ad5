import { Hub } from "./hub.ts";
import type { Shareable, Subscriptions, SubscriptionsOwner } from "./subscriptions.ts";

/** What is shared among consumers: classic channels and patterns, or shard channels. */
export type Shared = "channel" | "shard";

/** The hubs of a client: one of each kind, made when it is needed, gone with its last member. */
export class Hubs {
  readonly #hubs: Map<Shared, Hub> = new Map();

  join(kind: Shared, engine: (owner: SubscriptionsOwner) => Shareable, owner: SubscriptionsOwner): Subscriptions {
    let hub = this.#hubs.get(kind);
    if (hub === undefined) {
      hub = new Hub(engine, () => this.#hubs.delete(kind));
      this.#hubs.set(kind, hub);
    }
    return hub.join(owner);
  }
}
