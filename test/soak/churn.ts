import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer } from "tidings";
import { sequence } from "../support/random.ts";

const NAMES = 8;

/** Subscribes to names and unsubscribes from them at random, whatever happens; the consumer's own view is the model. */
export class Churn {
  readonly #work: Promise<void>;
  #ends = false;
  /** Calls that were made, and those of them that rejected. */
  calls = 0;
  rejected = 0;

  constructor(consumer: Pick<Consumer, "subscribe" | "unsubscribe">, names: readonly string[], seed: number) {
    this.#work = this.#run(consumer, names, sequence(seed));
  }

  async stop(): Promise<void> {
    this.#ends = true;
    await this.#work;
  }

  async #run(
    consumer: Pick<Consumer, "subscribe" | "unsubscribe">,
    names: readonly string[],
    random: (below: number) => number,
  ): Promise<void> {
    const pending = new Set<Promise<void>>();
    while (!this.#ends) {
      const some = names.filter(() => random(NAMES) === 0);
      const call =
        random(2) === 0
          ? consumer.subscribe(some.length > 0 ? some : [names[0] as string])
          : consumer.unsubscribe(some);
      this.calls++;
      const settled = call
        .catch(() => {
          this.rejected++;
        })
        .then(() => void pending.delete(settled));
      pending.add(settled);
      await sleep(random(40));
    }
    await Promise.all(pending);
  }
}
