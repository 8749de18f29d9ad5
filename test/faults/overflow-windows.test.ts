import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { startStamper } from "../support/stamper.ts";
import { onEveryProtocol, QUICK } from "./fixtures.ts";
import { Witness } from "./witness.ts";

const LIMIT = 20;
/** How many messages come while nothing is read, and the milliseconds between two of them. */
const [UNREAD, INTERVAL] = [200, 5];

onEveryProtocol("a buffer that overflows while nothing is read", (bench) => {
  // Row 56.
  test("the window holds every message dropped, whichever they are, shared or not", async () => {
    const buffers = (["drop-oldest", "drop-newest"] as const).flatMap((overflow) =>
      [false, true].map((shared) => ({ shared, buffer: { limit: LIMIT, overflow } })),
    );
    const client = bench.client();
    const witnesses = await Promise.all(
      buffers.map((options, index) =>
        Witness.open(client, bench.server, { channels: [`c${index}`], interval: INTERVAL, away: true, options }),
      ),
    );
    const received = () => witnesses.map(({ consumer }) => consumer.stats().received);
    await eventually(() => expect(Math.min(...received())).toBeGreaterThanOrEqual(UNREAD));
    // What is dropped now was sent a while ago; the window begins when it was.
    for (const witness of witnesses) witness.read();
    await Promise.all(witnesses.map((witness) => witness.receives(LIMIT + 20)));
    for (const [index, witness] of witnesses.entries()) {
      const missing = await witness.verify();
      expect(missing).toBeGreaterThanOrEqual(UNREAD - LIMIT);
      expect(missing).toBe(witness.consumer.stats().dropped);
      for (const { cause, certain, channels } of witness.gaps) {
        expect([cause, certain, channels]).toEqual(["overflow", true, [`c${index}`]]);
      }
      expect(witness.gaps.reduce((sum, { dropped }) => sum + (dropped ?? 0), 0)).toBe(missing);
    }
  });

  // Row 56.
  test("the window holds every message dropped behind a handler that takes its time", async () => {
    const ledger = new Ledger();
    let release = () => {};
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await bench.client().pubsub({
      ...QUICK,
      buffer: { limit: LIMIT, overflow: "drop-oldest" },
      channelHandlers: {
        a: (message) => {
          ledger.record(message);
          return busy;
        },
      },
    });
    consumer.on("gap", ledger.recordGap);
    const stamper = startStamper({ sender: bench.server.openControl(), channels: ["a"], interval: INTERVAL });
    await eventually(() => expect(consumer.stats().received).toBeGreaterThanOrEqual(UNREAD));
    const published = await stamper.stop();
    await eventually(() => expect(consumer.stats().received).toBe(published.length));
    release();
    await eventually(() => expect(ledger.behind(published)).toEqual([]));
    const { holes } = ledger.verify(published);
    expect(holes.reduce((sum, { missing }) => sum + missing, 0)).toBe(consumer.stats().dropped);
  });
});

onEveryProtocol("a drain past its deadline", (bench) => {
  // Row 57.
  test.each([false, true])("the window holds every message that is left, shared %s", async (shared) => {
    const ledger = new Ledger();
    const stuck = new Promise<void>(() => {});
    const channels = ["unread", "handled"];
    const consumer = await bench.client().pubsub({
      ...(shared ? { shared } : QUICK),
      channels: "unread",
      channelHandlers: {
        handled: (message) => {
          ledger.record(message);
          return stuck;
        },
      },
      ignoreSubscribeMessages: true,
    });
    consumer.on("gap", ledger.recordGap);
    const stamper = startStamper({ sender: bench.server.openControl(), channels, interval: INTERVAL });
    await eventually(() => expect(consumer.stats().received).toBeGreaterThanOrEqual(UNREAD));
    const published = await stamper.stop();
    await eventually(() => expect(consumer.stats().received).toBe(published.length));
    await sleep(100);
    await consumer.drain({ timeout: 100 });
    const { holes } = ledger.verify(published, { routes: channels.map((channel) => ({ channel, pattern: null })) });
    // All of one channel, and of the other all that its handler had not begun with.
    expect(holes.reduce((sum, { missing }) => sum + missing, 0)).toBe(published.length - 1);
    expect(consumer.stats()).toMatchObject({ dropped: published.length - 1, pending: 0 });
  });
});
