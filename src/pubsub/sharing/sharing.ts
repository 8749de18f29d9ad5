import type { Shareable, Subscriptions, SubscriptionsOwner } from "../subscriptions/subscriptions.ts";
import { SharedConsumer } from "./shared-consumer.ts";
import { SharedSubscriptions } from "./shared-subscriptions.ts";

/** What is shared among consumers: classic channels and patterns, or shard channels. */
export type Shared = "channel" | "shard";

/** The shared subscriptions of a client: of each kind one, made for its first consumer and dropped with its last. */
export class Sharing {
  readonly #byKind: Map<Shared, SharedSubscriptions> = new Map();

  /** A consumer, which joins when it is started. `readyTimeout` bounds calls made before; milliseconds. */
  consumer(
    kind: Shared,
    engine: (owner: SubscriptionsOwner) => Shareable,
    owner: SubscriptionsOwner,
    readyTimeout: number,
  ): Subscriptions {
    return new SharedConsumer(() => this.#subscriptions(kind, engine), owner, readyTimeout);
  }

  #subscriptions(kind: Shared, engine: (owner: SubscriptionsOwner) => Shareable): SharedSubscriptions {
    const known = this.#byKind.get(kind);
    if (known !== undefined) return known;
    const subscriptions = new SharedSubscriptions(engine, () => this.#byKind.delete(kind));
    this.#byKind.set(kind, subscriptions);
    return subscriptions;
  }
}
