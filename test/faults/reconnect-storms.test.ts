import { exponentialBackoff, Redis, type RetryPolicy } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";
import { QUICK, rejection } from "./fixtures.ts";

const BASE = 20;

/** Notes when a server is dialled, and when a consumer's policy is asked. */
class Attempts {
  readonly at: number[] = [];
  readonly asked: number[] = [];

  policy(policy: RetryPolicy): RetryPolicy {
    return (attempt, cause) => {
      this.asked.push(attempt);
      return policy(attempt, cause);
    };
  }
}

/** What a server does that takes connections and does not keep them. */
const manners: Readonly<Record<string, (server: FakeServer, broken: () => boolean) => void>> = {
  "closes each connection at once"() {},
  "closes after the handshake"(server, broken) {
    server.handle("SUBSCRIBE", (command, connection) => {
      if (broken()) connection.end();
      else server.respond(command, connection);
    });
  },
  "closes after the confirmation"(server, broken) {
    server.handle("SUBSCRIBE", (command, connection) => {
      server.respond(command, connection);
      if (broken()) connection.end();
    });
  },
  "resets after the confirmation"(server, broken) {
    server.handle("SUBSCRIBE", (command, connection) => {
      server.respond(command, connection);
      if (broken()) setImmediate(() => connection.reset());
    });
  },
};

// Row 16.
describe.each([3, 2] as const)("a server that takes connections and keeps none (RESP%i)", (protocol) => {
  test.each(Object.entries(manners))("and %s meets the backoff, not a storm", async (manner, behave) => {
    const attempts = new Attempts();
    let broken = false;
    await using server = await startFakeServer({
      onConnection: (connection) => {
        attempts.at.push(performance.now());
        if (broken && manner === "closes each connection at once") connection.end();
      },
    });
    behave(server, () => broken);
    const policy = attempts.policy(exponentialBackoff({ base: BASE, max: 16 * BASE, jitter: "none" }));
    await using client = new Redis(server.url, { protocol });
    await using consumer = await client.pubsub({ ...QUICK, retryPolicy: policy, channels: "a" });
    expect(attempts.at).toHaveLength(1);
    broken = true;
    server.latest.end();
    await eventually(() => expect(attempts.at.length).toBeGreaterThanOrEqual(8));
    const [first = 0, last = 0] = [attempts.at[1], attempts.at[7]];
    // The waits after the first attempt that failed: 2, 4, 8, 16, 16, 16 times the base. Timers may be early by a little.
    expect(last - first).toBeGreaterThan(62 * BASE * 0.9);
    expect(attempts.asked.slice(0, 7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(["reconnecting", "live"]).toContain(consumer.state);

    broken = false;
    // The connection that is live at this moment may be one that the server has closed already: what it published there is lost.
    await eventually(async () => {
      server.publish("a", "back");
      expect(await consumer.receive({ timeout: 50 })).toMatchObject({ data: "back" });
    });
    expect(consumer.state).toBe("live");
  });

  test("ends by the policy's count of attempts", async () => {
    const attempts = new Attempts();
    await using server = await startFakeServer({ onConnection: () => attempts.at.push(performance.now()) });
    await using client = new Redis(server.url, { protocol });
    const policy = attempts.policy(exponentialBackoff({ base: 1, jitter: "none", attempts: 5 }));
    await using consumer = await client.pubsub({ ...QUICK, retryPolicy: policy, channels: "a" });
    server.handle("HELLO", (_command, connection) => connection.end());
    server.handle("CLIENT", (_command, connection) => connection.end());
    const waiting = rejection(consumer.receive());
    server.latest.end();
    expect(await waiting).toMatchObject({ code: "CONNECTION" });
    expect(consumer.state).toBe("failed");
    expect([attempts.at.length, attempts.asked]).toEqual([6, [1, 2, 3, 4, 5, 6]]);
  });
});
