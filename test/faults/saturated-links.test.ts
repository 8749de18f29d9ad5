import { setTimeout as sleep } from "node:timers/promises";
import { constantDelay, Redis, type RedisOptions } from "tidings";
import { expect, test } from "vitest";
import { type Certificates, certificates } from "../support/certificates.ts";
import { killSubscribers } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { startStamper } from "../support/stamper.ts";
import { type Bench, onEveryProtocol } from "./fixtures.ts";
import { Witness } from "./witness.ts";

/** Bytes that each link takes in a second, and those of a message. */
const [RATE, SIZE] = [4_000_000, 32_000];

/** A consumer with a connection of its own, and one that shares. */
const KINDS = [false, true] as const;

function openBoth(bench: Bench, interval: number): Promise<Witness[]> {
  const client = bench.proxied();
  const open = (shared: boolean) =>
    Witness.open(client, bench.server, { channels: [`${shared}`], padding: SIZE, interval, options: { shared } });
  return Promise.all(KINDS.map(open));
}

/** Kills the subscribers and waits until each is told of it. */
async function kill(bench: Bench, witnesses: readonly Witness[]): Promise<void> {
  expect(await killSubscribers(bench.control)).toBe(witnesses.length);
  await eventually(() => expect(witnesses.map(({ gaps }) => gaps.length)).toEqual([1, 1]), { timeout: 20_000 });
}

// Row 69.
onEveryProtocol("a link that is saturated when it is killed", (bench) => {
  test("the window begins before what the server could not send any more", async () => {
    bench.proxy.throttle(RATE);
    // Twice what the link takes.
    const witnesses = await openBoth(bench, (1000 * SIZE) / (2 * RATE));
    await Promise.all(witnesses.map((witness) => witness.receives(20)));
    await sleep(1500);
    await kill(bench, witnesses);
    await bench.proxy.heal();
    await Promise.all(witnesses.map((witness) => witness.receives(100)));
    for (const witness of witnesses) {
      expect(await witness.verify()).toBeGreaterThan(0);
      expect(witness.gaps).toMatchObject([{ cause: "disconnected" }]);
    }
  });
});

// Row 71.
onEveryProtocol("a link that is never idle when it is killed", (bench) => {
  /** Milliseconds for which it is saturated before. */
  const SATURATED = 2500;
  /** How many messages are on their way at a time: a fifth of a second of the link. */
  const FLIGHT = RATE / SIZE / 5;

  test("the window is no wider than the outage and one way through the link", async () => {
    bench.proxy.throttle(RATE);
    // The pace is set below, by what has come.
    const witnesses = await openBoth(bench, 60_000);
    let saturates = true;
    const saturation = (async () => {
      while (saturates) {
        for (const { stamper, received } of witnesses) {
          if (stamper.published.length - received < FLIGHT) void stamper.round();
        }
        await sleep(1);
      }
    })();
    await Promise.all(witnesses.map((witness) => witness.receives(20)));
    await sleep(SATURATED);
    const killed = Date.now();
    await kill(bench, witnesses);
    saturates = false;
    await saturation;
    for (const witness of witnesses) {
      for (let round = 0; round < 20; round++) await witness.stamper.round();
      await witness.verify();
      // It reaches back to the last fence: a tenth of a second, and the way through the link.
      const [gap] = witness.gaps;
      expect(killed - (gap?.from ?? 0)).toBeLessThan(1000);
    }
  });
});

const HUGE = 20 * 1024 * 1024;
/** Bytes a second: two seconds for the huge message. */
const HUGE_RATE = 10_000_000;

/** Small messages behind a huge one that is cut in the middle: all are lost, and the window must hold them all. */
async function cutHuge(bench: Bench, client: Redis): Promise<void> {
  const ledgers = await Promise.all(
    KINDS.map(async (shared) => {
      const ledger = new Ledger();
      const consumer = await client.pubsub({
        shared,
        channels: ["small", "huge"],
        ignoreSubscribeMessages: true,
        includeGaps: true,
      });
      void (async () => {
        for await (const item of consumer.messages({ until: "closed" })) {
          if (item.type === "gap") ledger.recordGap(item);
          else if (item.channel === "small") ledger.record(item);
        }
      })();
      return ledger;
    }),
  );
  await using stamper = startStamper({ sender: bench.server.openControl(), channels: ["small"], interval: 5 });
  const receive = async (count: number) => {
    const goals = ledgers.map(({ received }) => received + count);
    await eventually(() => expect(ledgers.filter(({ received }, index) => received < (goals[index] ?? 0))).toEqual([]));
  };
  await receive(50);
  bench.proxy.throttle(HUGE_RATE);
  await bench.server.openControl().command("PUBLISH", "huge", Buffer.alloc(HUGE, "x"));
  await sleep(1000);
  bench.proxy.cut();
  await bench.proxy.heal();
  await eventually(() => expect(ledgers.map(({ gaps }) => gaps)).toEqual([1, 1]), { timeout: 15_000 });
  await receive(50);
  const published = await stamper.stop();
  await eventually(() => expect(ledgers.flatMap((ledger) => ledger.behind(published))).toEqual([]));
  for (const ledger of ledgers) {
    const { holes } = ledger.verify(published);
    expect(holes).toHaveLength(1);
    // Those of the second behind the huge one, as many as a busy machine has sent.
    expect(holes[0]?.missing).toBeGreaterThan(10);
  }
}

// Row 70.
onEveryProtocol("a huge message that is cut while it arrives", (bench) => {
  test("the window holds what was behind it", () => cutHuge(bench, bench.proxied()));
});

// Row 70.
const made: Certificates = await certificates();
onEveryProtocol(
  "a huge message that is cut while it arrives over TLS",
  (bench) => {
    test("the window holds what was behind it", async () => {
      const options: RedisOptions = { tls: { ca: made.ca.cert }, retryPolicy: constantDelay({ delay: 100 }) };
      await using client = new Redis({
        ...options,
        host: "127.0.0.1",
        port: bench.proxy.port,
        protocol: bench.protocol,
      });
      await cutHuge(bench, client);
    });
  },
  { tls: { cert: made.server.cert, key: made.server.key, ca: made.ca.cert } },
);
