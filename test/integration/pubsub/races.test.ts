import type { PubSub } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { sequence } from "../../support/random.ts";
import { type Bench, message, nextItems, onTestingToo, receiveMany } from "./fixtures.ts";

/** Subscribes and unsubscribes at random; keeps what was asked last. */
class RandomUser {
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  readonly calls: Promise<void>[] = [];
  readonly #bench: Bench;
  readonly #consumer: PubSub;
  readonly #random: (below: number) => number;

  constructor(bench: Bench, consumer: PubSub, seed: number) {
    this.#bench = bench;
    this.#consumer = consumer;
    this.#random = sequence(seed);
  }

  act(): void {
    const names = Array.from({ length: 1 + this.#random(3) }, () => `n${this.#random(12)}`);
    const kind = this.#random(2) === 0 || !this.#bench.patterns ? "channels" : "patterns";
    const wanted = this[kind];
    const consumer = this.#consumer;
    const choice = this.#random(20);
    if (choice < 11) {
      for (const name of names) wanted.add(name);
      this.calls.push(kind === "channels" ? consumer.subscribe(names) : consumer.psubscribe(names));
    } else if (choice < 19) {
      for (const name of names) wanted.delete(name);
      this.calls.push(kind === "channels" ? consumer.unsubscribe(names) : consumer.punsubscribe(names));
    } else {
      wanted.clear();
      this.calls.push(kind === "channels" ? consumer.unsubscribe() : consumer.punsubscribe());
    }
  }

  /** Now and then gives the server a chance to answer. */
  async rest(): Promise<void> {
    if (this.#random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
    if (this.#random(40) === 0) await this.calls.at(-1);
  }
}

onTestingToo("races of subscribe and unsubscribe", (bench) => {
  test("in one tick what was asked last holds, and all settle", async () => {
    const consumer = await bench.consumer();
    await Promise.all([consumer.subscribe("a"), consumer.unsubscribe("a"), consumer.subscribe("a")]);
    expect([...consumer.channels.keys()]).toEqual(["a"]);
    await bench.truth({ channels: ["a"] });
    await Promise.all([consumer.unsubscribe("a"), consumer.subscribe("a"), consumer.unsubscribe("a")]);
    expect(consumer.subscribed).toBe(false);
    await bench.truth({});
  });

  test("each call settles by its own confirmation, all of which are messages", async () => {
    // Shard channels have a connection as long as there are any.
    const consumer = await bench.consumer({ channels: "z" });
    await nextItems(consumer, 1);
    const settled: string[] = [];
    await Promise.all([
      consumer.subscribe("a").then(() => settled.push("1 subscribe")),
      consumer.unsubscribe("a").then(() => settled.push("2 unsubscribe")),
      consumer.subscribe("a").then(() => settled.push("3 subscribe")),
      consumer.unsubscribe().then(() => settled.push("4 unsubscribe")),
    ]);
    expect(settled).toEqual(["1 subscribe", "2 unsubscribe", "3 subscribe", "4 unsubscribe"]);
    expect(await nextItems(consumer, 5)).toEqual([
      bench.confirmation("subscribe", "a", 2),
      bench.confirmation("unsubscribe", "a", 1),
      bench.confirmation("subscribe", "a", 2),
      bench.confirmation("unsubscribe", "z", 1),
      bench.confirmation("unsubscribe", "a", 0),
    ]);
  });

  test("two subscribes to one name both resolve and it is delivered once", async () => {
    const consumer = await bench.consumer({ ignoreSubscribeMessages: true });
    await Promise.all([consumer.subscribe("a"), consumer.subscribe("a", "b"), consumer.subscribe(["b"])]);
    await bench.publish("a", "1");
    await bench.publish("b", "2");
    expect(await receiveMany(consumer, 2)).toEqual([message("a", "1"), message("b", "2")]);
  });

  test("the handler given last holds", async () => {
    const consumer = await bench.consumer();
    const seen: string[] = [];
    const handlers = ["1", "2", "3"].map((name) => () => seen.push(name));
    await Promise.all(handlers.map((handler) => consumer.subscribe("a", handler)));
    expect(consumer.channels.get("a")).toBe(handlers[2]);
    await bench.publish("a", "x");
    await eventually(() => expect(seen).toEqual(["3"]));
  });

  test.each([1, 2, 3])("1,000 random operations end in what was asked last, and all settle (%i)", async (seed) => {
    const consumer = await bench.consumer({ subscriptionTimeout: 10_000, unsubscriptionTimeout: 10_000 });
    const user = new RandomUser(bench, consumer, seed);
    for (let n = 0; n < 1000; n++) {
      user.act();
      await user.rest();
    }
    await deadline(Promise.all(user.calls), 15_000, "all calls to settle");
    expect(new Set(consumer.channels.keys())).toEqual(user.channels);
    if (bench.patterns) expect(new Set(consumer.patterns.keys())).toEqual(user.patterns);
    await bench.truth(user);
  });

  test.each([4, 5])("1,000 random operations while the connection is lost again and again (%i)", async (seed) => {
    const client = bench.client({ retryPolicy: () => 1 });
    const consumer = await client.pubsub({ subscriptionTimeout: 10_000, unsubscriptionTimeout: 10_000 });
    const user = new RandomUser(bench, consumer, seed);
    for (let n = 0; n < 1000; n++) {
      user.act();
      if (n % 100 === 50) await killSubscribers(bench.control);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await deadline(Promise.all(user.calls), 15_000, "all calls to settle");
    expect(new Set(consumer.channels.keys())).toEqual(user.channels);
    if (bench.patterns) expect(new Set(consumer.patterns.keys())).toEqual(user.patterns);
    await bench.truth(user);
    expect(consumer.state).toBe("live");
  });

  test("random operations before the connection is up end the same way", async () => {
    const consumer = bench.unopened({ channels: "n0", subscriptionTimeout: 10_000 });
    const user = new RandomUser(bench, consumer, 6);
    user.channels.add("n0");
    for (let n = 0; n < 300; n++) user.act();
    await consumer.open();
    await deadline(Promise.all(user.calls), 15_000, "all calls to settle");
    expect(new Set(consumer.channels.keys())).toEqual(user.channels);
    await bench.truth(user);
  });

  test("a close in the middle settles every call", async () => {
    const consumer = await bench.consumer();
    const user = new RandomUser(bench, consumer, 7);
    for (let n = 0; n < 200; n++) user.act();
    const closing = consumer.close();
    const outcomes = await deadline(Promise.allSettled(user.calls), 15_000, "all calls to settle");
    await closing;
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "CLOSED" });
    }
    expect(outcomes).toHaveLength(200);
    await bench.truth({});
  });
});
