import { Hub } from "./hub.ts";
import { Member } from "./member.ts";
import type { Shareable, Subscriptions, SubscriptionsOwner } from "./subscriptions.ts";

/** What is shared among consumers: classic channels and patterns, or shard channels. */
export type Shared = "channel" | "shard";

/** The hubs of a client: one of each kind, made when it is needed, gone with its last member. */
export class Hubs {
  readonly #hubs: Map<Shared, Hub> = new Map();

  /** A member, which joins its hub when it is started. `readyTimeout` bounds calls made before; milliseconds. */
  member(
    kind: Shared,
    engine: (owner: SubscriptionsOwner) => Shareable,
    owner: SubscriptionsOwner,
    readyTimeout: number,
  ): Subscriptions {
    return new Member(() => this.#hub(kind, engine), owner, readyTimeout);
  }

  #hub(kind: Shared, engine: (owner: SubscriptionsOwner) => Shareable): Hub {
    const known = this.#hubs.get(kind);
    if (known !== undefined) return known;
    const hub = new Hub(engine, () => this.#hubs.delete(kind));
    this.#hubs.set(kind, hub);
    return hub;
  }
}
