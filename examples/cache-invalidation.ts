// A local cache that other processes invalidate by publishing keys. The point: while the connection is lost nothing is
// cached, and afterwards it starts empty, because invalidations may have been published while no one was subscribed.

import { setTimeout as delay } from "node:timers/promises";
import { type PubSub, Redis } from "tidings";

/** Keeps values until their key is published. */
class InvalidatedCache<Value> {
  readonly #values = new Map<string, Value>();
  readonly #load: (key: string) => Promise<Value>;
  /** Counts invalidations, so that what was loading meanwhile is not kept. */
  #generation = 0;
  #live = false;

  constructor(load: (key: string) => Promise<Value>) {
    this.#load = load;
  }

  async get(key: string): Promise<Value> {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const generation = this.#generation;
    const value = await this.#load(key);
    if (this.#live && generation === this.#generation) this.#values.set(key, value);
    return value;
  }

  /** Follows the invalidations until the consumer is closed. */
  async follow(consumer: PubSub): Promise<void> {
    const start = (): void => {
      this.#live = consumer.state === "live";
      this.#generation += 1;
      this.#values.clear();
    };
    start();
    consumer.on("state", start); // "reconnecting" when the connection is lost, "live" when all is restored
    for await (const { data: key } of consumer.messages()) {
      this.#generation += 1;
      this.#values.delete(key);
    }
  }
}

await using client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
await using consumer = await client.pubsub({ channels: ["invalidate"] });

const cache = new InvalidatedCache(async (key) => `${key}, loaded at ${new Date().toISOString()}`);
const following = cache.follow(consumer);

console.log(await cache.get("user:1")); // loaded
console.log(await cache.get("user:1")); // from the cache
await client.publish("invalidate", "user:1");
await delay(50);
console.log(await cache.get("user:1")); // loaded again

await consumer.close();
await following;
