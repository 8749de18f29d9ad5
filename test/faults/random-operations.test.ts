import { randomInt } from "node:crypto";
import type { ItemOf, PublishedMessage, PubSub } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { sequence } from "../support/random.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { startStamper } from "../support/stamper.ts";
import { names, onEveryProtocol, QUICK } from "./fixtures.ts";

const OPERATIONS = 10_000;
const CHANNELS = names("n", 30);
/** Patterns with what they match; several match the same channel, some are a channel's very name. */
const PATTERNS: ReadonlyMap<string, RegExp> = new Map([
  ["n*", /^n/],
  ["n1*", /^n1/],
  ["n2?", /^n2.$/],
  ["n[5-7]", /^n[5-7]$/],
  ["?0", /^.0$/],
  ["nothing*", /^nothing/],
  ...[...CHANNELS.slice(0, 14)].map((name): [string, RegExp] => [name, new RegExp(`^${name}$`)]),
]);

type Kind = "channels" | "patterns";

/** What a user wants, told to a consumer and noted beside it: name to the number of its handler, or `null`. */
class RandomUser {
  readonly wanted: Readonly<Record<Kind, Map<string, number | null>>> = { channels: new Map(), patterns: new Map() };
  readonly calls: Promise<void>[] = [];
  readonly random: (below: number) => number;
  readonly #consumer: PubSub<ItemOf<string, string, true>>;
  readonly #note: (handler: number, message: PublishedMessage) => void;
  #handlers = 0;

  constructor(
    consumer: PubSub<ItemOf<string, string, true>>,
    seed: number,
    note: (handler: number, message: PublishedMessage) => void,
  ) {
    this.#consumer = consumer;
    this.#note = note;
    this.random = sequence(seed);
  }

  /** One operation, not awaited. */
  act(): void {
    const kind: Kind = this.random(2) === 0 ? "channels" : "patterns";
    const all = kind === "channels" ? CHANNELS : [...PATTERNS.keys()];
    const chosen = Array.from({ length: 1 + this.random(3) }, () => all[this.random(all.length)] ?? "n0");
    const choice = this.random(100);
    if (choice < 30) this.#subscribe(kind, chosen, null);
    else if (choice < 55) this.#subscribe(kind, chosen, ++this.#handlers);
    else if (choice < 99) this.#unsubscribe(kind, chosen);
    else this.#unsubscribe(kind, null);
  }

  #subscribe(kind: Kind, chosen: readonly string[], id: number | null): void {
    for (const name of chosen) this.wanted[kind].set(name, id);
    const handler = id === null ? undefined : (message: PublishedMessage) => this.#note(id, message);
    const consumer = this.#consumer;
    this.calls.push(kind === "channels" ? consumer.subscribe(chosen, handler) : consumer.psubscribe(chosen, handler));
  }

  #unsubscribe(kind: Kind, chosen: readonly string[] | null): void {
    if (chosen === null) this.wanted[kind].clear();
    for (const name of chosen ?? []) this.wanted[kind].delete(name);
    const consumer = this.#consumer;
    if (kind === "channels") this.calls.push(chosen === null ? consumer.unsubscribe() : consumer.unsubscribe(chosen));
    else this.calls.push(chosen === null ? consumer.punsubscribe() : consumer.punsubscribe(chosen));
  }
}

/** Every way by which a message to every channel should come, with who should get it. */
function expectedRoutes({ wanted }: RandomUser): string[] {
  return CHANNELS.flatMap((channel) => {
    const routes: string[] = [];
    const direct = wanted.channels.get(channel);
    if (direct !== undefined) routes.push(`${channel} to ${direct ?? "the reader"}`);
    for (const [pattern, matches] of PATTERNS) {
      const by = wanted.patterns.get(pattern);
      if (by !== undefined && matches.test(channel)) routes.push(`${channel} by ${pattern} to ${by ?? "the reader"}`);
    }
    return routes;
  }).sort();
}

// Row 27.
onEveryProtocol("10,000 random operations", (bench) => {
  const scenario = async (seed: number, kill: () => Promise<unknown>, proxied: boolean): Promise<void> => {
    const patient = { subscriptionTimeout: 30_000, unsubscriptionTimeout: 30_000 };
    const client = (proxied ? bench.proxied : bench.client)({ retryPolicy: () => 2 });
    const { maxIdle, pingTimeout } = QUICK;
    const consumer = await client.pubsub({ maxIdle, pingTimeout, ...patient, ignoreSubscribeMessages: true });
    const ledger = new Ledger();
    let losses = 0;
    consumer.on("state", (state) => {
      if (state === "reconnecting") losses += 1;
    });
    const routes: string[] = [];
    let marked = false;
    const note = (handler: number | string, message: PublishedMessage) => {
      if (message.data !== "final") return ledger.record(message);
      const by = message.pattern === null ? "" : ` by ${message.pattern}`;
      routes.push(`${message.channel}${by} to ${handler}`);
    };
    const reading = (async () => {
      for await (const message of consumer.messages({ until: "closed" })) {
        if (message.channel === "mark") marked = true;
        else note("the reader", message);
      }
    })();
    const user = new RandomUser(consumer, seed, note);
    await using stamper = startStamper({ sender: bench.server.openControl(), channels: CHANNELS, interval: 10 });
    for (let count = 0; count < OPERATIONS; count++) {
      user.act();
      if (user.random(500) === 0) void kill();
      if (user.random(20) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (user.random(200) === 0) await user.calls.at(-1);
    }
    const outcomes = await deadline(Promise.allSettled(user.calls), 30_000, "all calls to settle");
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    await stamper.stop();
    // No cut that is planned may come later; one that has come is behind us with the answer to this.
    await bench.proxy.heal();
    await consumer.subscribe("mark");
    user.wanted.channels.set("mark", null);
    await eventually(() => expect(consumer.state).toBe("live"));

    const { channels, patterns } = user.wanted;
    expect([...consumer.channels.keys()].sort()).toEqual([...channels.keys()].sort());
    expect([...consumer.patterns.keys()].sort()).toEqual([...patterns.keys()].sort());
    for (const [name, handler] of consumer.channels)
      expect([name, handler === null]).toEqual([name, channels.get(name) === null]);
    await expectServerTruth(bench.server, { channels: channels.keys(), patterns: patterns.keys() });

    for (const channel of CHANNELS) await bench.control.command("PUBLISH", channel, "final");
    await bench.control.command("PUBLISH", "mark", "");
    await eventually(() => expect(marked).toBe(true));
    expect(routes.sort()).toEqual(expectedRoutes(user));
    expect(ledger.report([]).duplicates).toEqual([]);
    expect([ledger.received > 0, losses > 0]).toEqual([true, true]);
    await consumer.close();
    await reading;
  };

  const seeded = async (seed: number, run: () => Promise<void>): Promise<void> => {
    await run().catch((error: unknown) => {
      throw new Error(`TIDINGS_SEED=${seed} replays this`, { cause: error });
    });
  };
  const given = process.env.TIDINGS_SEED;
  const seeds = given === undefined ? [1, randomInt(2, 2 ** 31)] : [Number(given)];

  test.each(seeds)("with kills end in what was asked last (seed %i)", { timeout: 120_000 }, (seed) =>
    seeded(seed, () => scenario(seed, () => killSubscribers(bench.control), false)),
  );

  test.each(seeds)("with cuts at any byte end the same way (seed %i)", { timeout: 120_000 }, (seed) => {
    const random = sequence(seed + 1);
    const cut = async () => bench.proxy.cutAfterBytes(random(400), { connections: "open" });
    return seeded(seed, () => scenario(seed, cut, true));
  });
});
