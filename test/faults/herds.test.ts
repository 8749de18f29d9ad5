import { exponentialBackoff, type RedisOptions, type RetryPolicy } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, onEveryProtocol } from "./fixtures.ts";

const CLIENTS = 200;
/** Attempts for each client before the server returns. */
const ROUNDS = 3;

/** One client of the herd: when it planned its attempts, and when it made them, by `performance.now()`. */
class Member {
  readonly waits: number[] = [];
  readonly planned: number[] = [];
  readonly dialled: number[] = [];
  readonly #backoff = exponentialBackoff();

  /** The default policy, overheard. */
  readonly policy: RetryPolicy = (attempt, cause) => {
    const wait = this.#backoff(attempt, cause);
    if (wait !== null) {
      this.waits.push(wait);
      this.planned.push(performance.now() + wait);
    }
    return wait;
  };

  /** Asked at each attempt. */
  readonly lookup: NonNullable<RedisOptions["lookup"]> = (_, { all }, callback) => {
    this.dialled.push(performance.now());
    if (all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else callback(null, "127.0.0.1", 4);
  };

  async open(bench: Bench): Promise<void> {
    const client = bench.proxied({ host: "redis.example.org", lookup: this.lookup, retryPolicy: this.policy });
    await client.pubsub({ channels: "a" });
  }
}

/** The largest number of values that fall into one of the buckets of this width. */
function crowd(values: readonly number[], width: number): number {
  const counts = new Map<number, number>();
  for (const value of values) {
    const bucket = Math.floor(value / width);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

// Row 17. The protocol plays no part.
onEveryProtocol(
  "a herd of clients that lose the same server",
  (bench) => {
    test("does not come back at once, but spread and more and more slowly", { timeout: 60_000 }, async () => {
      const members = Array.from({ length: CLIENTS }, () => new Member());
      await Promise.all(members.map((member) => member.open(bench)));
      await expectServerTruth(bench.server, { channels: ["a"], subscribers: CLIENTS });
      const before = bench.proxy.accepted.length;
      expect(before).toBe(CLIENTS);
      await bench.server.shutdown();
      const down = Date.now();
      await eventually(
        () => expect(Math.min(...members.map(({ dialled }) => dialled.length))).toBeGreaterThan(ROUNDS),
        { timeout: 30_000 },
      );
      await bench.server.start();
      await expectServerTruth(bench.server, { channels: ["a"], subscribers: CLIENTS }, { timeout: 40_000 });

      const attempts = bench.proxy.accepted.slice(before).map((at) => at - down);
      // Every attempt was planned, and none was made before its time; timers may be early by a little.
      expect(attempts).toHaveLength(members.reduce((sum, { planned }) => sum + planned.length, 0));
      for (const { planned, dialled } of members)
        for (const [index, at] of planned.entries()) expect(dialled[index + 1]).toBeGreaterThanOrEqual(at - 3);
      // No round is a storm: of 200 attempts in 100 ms each 10 ms get 20, of those in 200 ms 10, and so on.
      for (let round = 0; round < ROUNDS; round++) {
        const waits = members.map(({ waits }) => waits[round] ?? Number.NaN);
        expect(Math.max(...waits)).toBeLessThanOrEqual(100 * 2 ** round);
        expect(crowd(waits, 10)).toBeLessThan(CLIENTS / 4);
      }
      // What reached the server: some 4 attempts for each client in the first second, 1 in the next, and never a crowd.
      expect(crowd(attempts, 1000)).toBeLessThan(8 * CLIENTS);
      expect(crowd(attempts, 10)).toBeLessThan(attempts.length / 3);
    });
  },
  { protocols: [3] },
);
