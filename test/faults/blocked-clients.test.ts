import { setTimeout as sleep } from "node:timers/promises";
import type { BufferOptions } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { startStamper } from "../support/stamper.ts";
import { type Bench, onEveryProtocol } from "./fixtures.ts";
import { SubscriberProcess } from "./subscriber-process.ts";

const CHANNELS = ["a", "b"];
/** In milliseconds: how long the client is held up, and after how much of it its connection is killed. */
const [HELD_UP, KILLED_AFTER] = [1200, 400];

/** A subscriber with a connection of its own and one that shares, each in a process of its own. */
function startBoth(
  { server, protocol }: Bench,
  buffer: BufferOptions = {},
): Promise<[SubscriberProcess, SubscriberProcess]> {
  const setting = { port: server.port, protocol, channels: CHANNELS, delay: 100, buffer };
  return Promise.all([SubscriberProcess.start(setting), SubscriberProcess.start({ ...setting, shared: true })]);
}

/**
 * Publishes while `hold` keeps the subscribers from reading and their connections are killed in the middle of it. What
 * the kernel had taken by then is read hundreds of milliseconds later, what came after it is lost: the window must reach
 * back to the loss, and the time at which the rest was read proves nothing.
 */
async function play(
  bench: Bench,
  hold: (subscriber: SubscriberProcess) => Promise<() => Promise<void>>,
): Promise<void> {
  const subscribers = await startBoth(bench);
  await using _one = subscribers[0];
  await using _other = subscribers[1];
  await using stamper = startStamper({ sender: bench.server.openControl(), channels: CHANNELS, interval: 5 });
  await Promise.all(subscribers.map((subscriber) => subscriber.receives(100)));
  const releases = await Promise.all(subscribers.map(hold));
  await sleep(KILLED_AFTER);
  expect(await killSubscribers(bench.control)).toBe(2);
  await sleep(HELD_UP - KILLED_AFTER);
  await Promise.all(releases.map((release) => release()));
  await expectServerTruth(bench.server, { channels: CHANNELS, subscribers: 2 });
  await Promise.all(subscribers.map((subscriber) => subscriber.receives(100)));
  const published = await stamper.stop();
  for (const { ledger, gaps } of subscribers) {
    await eventually(() => expect(ledger.behind(published)).toEqual([]));
    const { holes } = ledger.verify(published);
    expect(holes).toHaveLength(CHANNELS.length);
    expect(gaps).toMatchObject([{ cause: "disconnected", channels: CHANNELS }]);
  }
}

// Row 53.
onEveryProtocol("an event loop that is blocked while the connection is killed", (bench) => {
  test("is told of a gap that begins before the loss", () =>
    play(bench, async (subscriber) => {
      const { over } = await subscriber.block(HELD_UP);
      return () => over;
    }));
});

// Row 56.
onEveryProtocol("an event loop that is blocked for longer than its buffer lasts", (bench) => {
  test.each(["drop-oldest", "drop-newest"] as const)("%s: the window holds every message dropped", async (overflow) => {
    const subscribers = await startBoth(bench, { limit: 20, overflow });
    await using _one = subscribers[0];
    await using _other = subscribers[1];
    await using stamper = startStamper({ sender: bench.server.openControl(), channels: CHANNELS, interval: 5 });
    await Promise.all(subscribers.map((subscriber) => subscriber.receives(20)));
    const blocked = await Promise.all(subscribers.map((subscriber) => subscriber.block(KILLED_AFTER)));
    await Promise.all(blocked.map(({ over }) => over));
    await Promise.all(subscribers.map((subscriber) => subscriber.receives(100)));
    const published = await stamper.stop();
    for (const { ledger, gaps, states } of subscribers) {
      await eventually(() => expect(ledger.behind(published)).toEqual([]));
      const { holes } = ledger.verify(published);
      const missing = holes.reduce((sum, hole) => sum + hole.missing, 0);
      expect(missing).toBeGreaterThan(0);
      expect(gaps.reduce((sum, { dropped }) => sum + (dropped ?? 0), 0)).toBe(missing);
      expect([...new Set(gaps.map(({ cause }) => cause)), ...states]).toEqual(["overflow"]);
    }
  });
});

// Row 54.
onEveryProtocol("a process that is suspended while the connection is killed", (bench) => {
  test("is told of a gap that begins before the loss", () =>
    play(bench, async (subscriber) => {
      subscriber.suspend();
      return async () => subscriber.wake();
    }));
});
