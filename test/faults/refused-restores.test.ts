import { constantDelay, Redis, type State } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";
import { error } from "../support/resp-writer.ts";

/** Milliseconds for which the server, or a proxy before it, refuses to subscribe after the reconnect. */
const REFUSED = 600;

const refusals = [
  "ERR upstream connect error, try again later",
  "LOADING Redis is loading the dataset in memory",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "ERR max number of subscriptions reached",
];

// Row 64.
describe.each([3, 2] as const)(
  "a server that refuses to subscribe for a while after a reconnect (RESP%i)",
  (protocol) => {
    test.each(refusals)('is asked again until it does, and the consumer is not "live" before: %s', async (refusal) => {
      const server = await startFakeServer();
      const client = new Redis(server.url, { protocol, retryPolicy: constantDelay({ delay: 100 }) });
      client.on("error", () => {});
      const consumer = await client.pubsub({
        channels: ["a", "b"],
        patterns: "p*",
        ignoreSubscribeMessages: true,
        includeGaps: true,
      });
      consumer.on("error", () => {});
      const states: State[] = [];
      consumer.on("state", (state) => states.push(state));
      refuseFor(server, refusal);
      server.latest.reset();
      await eventually(() => expect(subscribed(server)).toEqual(["a", "b", "p*"]), { timeout: 15_000 });
      await eventually(() => expect(consumer.state).toBe("live"));
      expect([states.filter((state) => state === "live"), consumer.denied.size]).toEqual([["live"], 0]);
      await receives(server, consumer);
      // Asked again by the policy, not in a storm.
      expect(asks(server)).toBeLessThan((3 * REFUSED) / 50);
      await client.close();
      await server.stop();
    });

    /** Refuses every SUBSCRIBE and PSUBSCRIBE from the next one on, and for a while. */
    function refuseFor(fake: FakeServer, refusal: string): void {
      let until: number | null = null;
      for (const name of ["SUBSCRIBE", "PSUBSCRIBE"]) {
        fake.handle(name, (command, connection) => {
          until ??= performance.now() + REFUSED;
          if (performance.now() < until) connection.write(error(refusal));
          else fake.respond(command, connection);
        });
      }
    }

    function subscribed(fake: FakeServer): string[] {
      return fake.connections.flatMap(({ subscriptions }) => [...subscriptions[""], ...subscriptions.p]).sort();
    }

    function asks(fake: FakeServer): number {
      return fake.received().filter((name) => name === "SUBSCRIBE" || name === "PSUBSCRIBE").length;
    }

    async function receives(
      fake: FakeServer,
      consumer: { receive(options: { readonly timeout: number }): Promise<object> },
    ): Promise<void> {
      for (const channel of ["a", "b", "p1"]) expect(fake.publish(channel, channel)).toBe(1);
      const seen: string[] = [];
      while (seen.filter((it) => it !== "gap").length < 3) {
        const item = (await consumer.receive({ timeout: 5000 })) as { type: string; channel: string };
        seen.push(item.type === "gap" ? "gap" : item.channel);
      }
      expect(seen[0]).toBe("gap");
      expect(seen.filter((it) => it !== "gap")).toEqual(["a", "b", "p1"]);
    }
  },
);
