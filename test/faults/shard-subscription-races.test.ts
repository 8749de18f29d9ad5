import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ItemOf, RedisCluster, ShardedPubSub } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import type { ClusterNode } from "../support/cluster-node.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { sequence } from "../support/random.ts";
import type { TestCluster } from "../support/redis-cluster.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { slotOf } from "../support/slot.ts";
import { onEveryClusterProtocol } from "./cluster-fixtures.ts";
import { QUICK } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

const ROUNDS = 25;
const SLOT = slotOf("moving");
const CHANNELS = [1, 2, 3, 4, 5].map((number) => `${number}{moving}`).concat("staying1", "staying2", "staying3");

/** Who subscribes and unsubscribes at random, and knows what is wanted in the end. */
class RaceUser {
  readonly wanted: Set<string> = new Set();
  /** Messages read since the last look. */
  messages: string[] = [];
  /** Unsubscribes asked for and confirmed, by channel: no confirmation is shown that nobody asked for. */
  readonly asked: Map<string, number> = new Map();
  readonly confirmed: Map<string, number> = new Map();
  readonly #random: (below: number) => number;
  readonly #consumer: ShardedPubSub<ItemOf<string, string, false>>;

  constructor(consumer: ShardedPubSub<ItemOf<string, string, false>>, random: (below: number) => number) {
    this.#consumer = consumer;
    this.#random = random;
    void this.#listen();
  }

  /** One call, not awaited. */
  act(): Promise<void> {
    const all = this.#random(20) === 0;
    const names = all ? CHANNELS : Array.from({ length: 1 + this.#random(3) }, () => this.#any());
    if (this.#random(2) === 0) {
      for (const name of names) this.wanted.add(name);
      return this.#consumer.subscribe(names);
    }
    for (const name of new Set(names)) {
      this.wanted.delete(name);
      this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    }
    return all ? this.#consumer.unsubscribe() : this.#consumer.unsubscribe(names);
  }

  #any(): string {
    return CHANNELS[this.#random(CHANNELS.length)] ?? "";
  }

  async #listen(): Promise<void> {
    // The loop ends when nothing is wanted; what is subscribed later has a loop of its own.
    while (!this.#consumer.closed) {
      for await (const item of this.#consumer) {
        if (item.type === "message") this.messages.push(`${item.channel} ${item.data}`);
        if (item.type === "sunsubscribe") {
          this.confirmed.set(item.channel, (this.confirmed.get(item.channel) ?? 0) + 1);
        }
      }
      await sleep(1);
    }
  }
}

/** Everything that was asked for holds, here and at every node, and no reply is taken for another one's. */
async function expectPeace(
  { client, cluster }: { readonly client: RedisCluster; readonly cluster: TestCluster },
  consumer: ShardedPubSub<ItemOf<string, string, false>>,
  user: RaceUser,
  round: number,
): Promise<void> {
  const wanted = [...user.wanted].sort();
  await eventually(() => expect(consumer.state).toBe("live"));
  expect([...consumer.channels.keys()].sort()).toEqual(wanted);
  await expectServerTruth(cluster.living, { shardChannels: wanted });
  user.messages = [];
  const counts = await Promise.all(CHANNELS.map((channel) => client.spublish(channel, `${round}`)));
  expect(counts).toEqual(CHANNELS.map((channel) => (user.wanted.has(channel) ? 1 : 0)));
  await eventually(() => expect([...user.messages].sort()).toEqual(wanted.map((channel) => `${channel} ${round}`)), {
    interval: 1,
  });
  for (const [channel, count] of user.confirmed) expect(count).toBeLessThanOrEqual(user.asked.get(channel) ?? 0);
}

// Row 32.
onEveryClusterProtocol(
  "subscribing and unsubscribing while a slot moves",
  (bench) => {
    const scenario = async (seed: number, kills: boolean): Promise<void> => {
      const { cluster } = bench;
      const random = sequence(seed);
      const client = bench.client({ retryPolicy: () => 5 });
      const consumer = await client.shardedPubsub({ ...QUICK, retryPolicy: () => 5 });
      const user = new RaceUser(consumer, random);
      const pause = async () => {
        const choice = random(4);
        if (choice === 1) await new Promise((resolve) => setImmediate(resolve));
        if (choice > 1) await sleep(random(choice === 2 ? 3 : 40));
      };
      let moved = 0;
      consumer.on("gap", ({ cause }) => {
        moved += cause === "moved" ? 1 : 0;
      });
      for (let round = 0; round < ROUNDS; round++) {
        const others = cluster.primaries.filter((node) => node !== cluster.ownerOf(SLOT));
        const migration = cluster.migration(SLOT, others[random(others.length)] as ClusterNode);
        const sourceFirst = random(2) === 0;
        const calls: Promise<void>[] = [];
        const acts = async () => {
          for (let count = 2 + random(6); count > 0; count--) {
            calls.push(user.act());
            await pause();
          }
        };
        const move = async () => {
          await pause();
          await (sourceFirst ? migration.tellSource() : migration.tellTarget());
          await pause();
          await (sourceFirst ? migration.tellTarget() : migration.tellSource());
          await migration.settle({ gossip: false });
          // Nodes that are asked to move a slot before they agree on the last move may never agree again.
          await cluster.agree({ timeout: 10_000, interval: 1 });
        };
        const harm = async () => {
          await pause();
          const victim = cluster.primaries[random(3)];
          if (kills && victim !== undefined) await killSubscribers(victim.control);
        };
        await migration.begin();
        await Promise.all([acts(), move(), harm()]);
        const outcomes = await deadline(Promise.allSettled(calls), 10_000, `the calls of round ${round} to settle`);
        expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
        await expectPeace({ client, cluster }, consumer, user, round);
      }
      expect(moved).toBeGreaterThan(0);
      await consumer.close();
    };

    const given = process.env.TIDINGS_SEED;
    const seeds = given === undefined ? [1, randomInt(2, 2 ** 31)] : [Number(given)];
    shardTest.each(seeds)("leaves what was asked last, and every reply in its place (seed %i)", async (seed) => {
      await scenario(seed, false).catch((error: unknown) => {
        throw new Error(`TIDINGS_SEED=${seed} replays this`, { cause: error });
      });
    });
    shardTest.each(seeds)("does so though connections are killed, too (seed %i)", async (seed) => {
      await scenario(seed, true).catch((error: unknown) => {
        throw new Error(`TIDINGS_SEED=${seed} replays this`, { cause: error });
      });
    });
  },
  { replicasPerPrimary: 0 },
);

onEveryClusterProtocol(
  "a subscribe at two nodes of which one sends a name on and the other is lost",
  (bench) => {
    test("does not wait for a name that was unsubscribed meanwhile", async () => {
      const { cluster } = bench;
      const [lost, source, target] = cluster.primaries as [ClusterNode, ClusterNode, ClusterNode];
      const [there = ""] = cluster.channelsFor(lost, 1, "there");
      const [sent = "", guard = ""] = cluster.channelsFor(source, 2, "sent");
      const consumer = await bench.client().shardedPubsub({ ...QUICK, channels: [guard, `guard{${there}}`] });
      // Nobody is told of the move: no channel of the slot is subscribed yet.
      await cluster.migrateSlot(slotOf(sent), target);
      lost.clientProxy.stall("toClient");
      const subscribing = consumer.subscribe(there, sent);
      await deadline(consumer.unsubscribe(sent), 5000, "the unsubscribe to resolve");
      lost.clientProxy.cut();
      await lost.clientProxy.heal();
      await deadline(subscribing, 5000, "the subscribe to resolve");
      expect([...consumer.channels.keys()].sort()).toEqual([guard, `guard{${there}}`, there].sort());
      await expectServerTruth(cluster.living, { shardChannels: [guard, `guard{${there}}`, there] });
    });
  },
  { replicasPerPrimary: 0, proxied: { clients: true }, needs: "sourceAddresses" },
);
