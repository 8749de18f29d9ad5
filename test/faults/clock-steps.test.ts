import { setTimeout as sleep } from "node:timers/promises";
import type { Gap } from "tidings";
import { afterEach, beforeEach, expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { onEveryProtocol, QUICK } from "./fixtures.ts";

const HOUR = 3_600_000;

/** The length of each loss, in milliseconds, told by a clock that no step changes. */
const LOSS = 200;

// Row 60.
onEveryProtocol("a wall clock that steps while messages are lost", (bench) => {
  const wallClock = Date.now;
  let stepped = 0;

  beforeEach(() => {
    stepped = 0;
    Date.now = () => wallClock() + stepped;
  });

  afterEach(() => {
    Date.now = wallClock;
  });

  const steps = [
    ["back", -HOUR],
    ["ahead", HOUR],
  ] as const;

  test.each(steps.flatMap((step) => [false, true].map((shared) => [...step, shared] as const)))(
    "by an hour %s (%i ms), with the connection away, shared %s: the window has its true length",
    async (_way, by, shared) => {
      const consumer = await bench.proxied().pubsub({ ...(shared ? { shared } : QUICK), channels: "a" });
      const gaps: Gap<string | Buffer>[] = [];
      consumer.on("gap", (gap) => gaps.push(gap));
      const lost = performance.now();
      bench.proxy.refuse();
      expect(await killSubscribers(bench.control)).toBe(1);
      await eventually(() => expect(consumer.state).toBe("reconnecting"));
      stepped = by;
      await sleep(LOSS);
      const elapsed = performance.now() - lost;
      await bench.proxy.accept();
      await eventually(() => expect(gaps).toHaveLength(1), { timeout: 15_000 });
      const [{ from, to } = { from: 0, to: 0 }] = gaps;
      expect(to - from).toBeGreaterThanOrEqual(Math.floor(elapsed) - 5);
      // It ends now, by the clock as it is now.
      expect(to).toBeGreaterThan(wallClock() + by - 15_000);
      expect(to).toBeLessThanOrEqual(Date.now());
      await consumer.close();
    },
  );

  test.each(steps.flatMap((step) => (["overflow", "drained"] as const).map((cause) => [...step, cause] as const)))(
    "by an hour %s (%i ms), with messages unread: the window has its true length (%s)",
    async (_way, by, cause) => {
      const consumer = await bench.client().pubsub({
        ...QUICK,
        channels: "a",
        ignoreSubscribeMessages: true,
        buffer: { limit: 10, overflow: "drop-oldest" },
      });
      const gaps: Gap<string | Buffer>[] = [];
      consumer.on("gap", (gap) => gaps.push(gap));
      const receives = async (count: number) => {
        for (let index = 0; index < count; index++) await bench.control.command("PUBLISH", "a", "x");
      };
      const received = (count: number) => eventually(() => expect(consumer.stats().received).toBe(count));
      await receives(5);
      await received(5);
      const first = performance.now();
      await sleep(LOSS);
      stepped = by;
      // Of those that came before the step and of those that came behind it, some are dropped.
      const more = cause === "overflow" ? 15 : 5;
      await receives(more);
      await received(5 + more);
      const elapsed = performance.now() - first;
      if (cause === "overflow") {
        expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "x" });
        await eventually(() => expect(gaps).toMatchObject([{ cause, dropped: 10 }]));
        await consumer.close();
      } else {
        await consumer.drain({ timeout: 10 });
        // Another one follows where the server has not confirmed the unsubscribe in this time.
        expect(gaps[0]).toMatchObject({ cause, dropped: 10 });
      }
      const [{ from, to } = { from: 0, to: 0 }] = gaps;
      expect(to - from).toBeGreaterThanOrEqual(cause === "overflow" ? LOSS - 5 : Math.floor(elapsed) - 5);
    },
  );
});
