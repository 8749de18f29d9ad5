import { setTimeout as sleep } from "node:timers/promises";
import { constantDelay, Redis, type RedisOptions } from "tidings";
import { expect, test } from "vitest";
import { type Certificates, certificates } from "../support/certificates.ts";
import { killSubscribers } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { startStamper } from "../support/stamper.ts";
import { type Bench, onEveryProtocol } from "./bench.ts";
import { Witness } from "./witness.ts";

/** Bytes that the link takes in a second. */
const RATE = 4_000_000;

/** A consumer with a connection of its own, or one that shares. */
const KINDS = [false, true] as const;

// Row 69.
onEveryProtocol("a link that is saturated when it is killed", (bench) => {
  test.each(KINDS)("the window begins before what the server could not send any more, shared %s", async (shared) => {
    bench.proxy.throttle(RATE);
    const witness = await Witness.open(bench.proxied(), bench.server, {
      channels: ["a"],
      // Twice what the link takes.
      padding: 32_000,
      interval: 4,
      options: { shared },
    });
    await witness.receives(20);
    await sleep(1500);
    expect(await killSubscribers(bench.control)).toBe(1);
    await eventually(() => expect(witness.gaps).toHaveLength(1), { timeout: 20_000 });
    await bench.proxy.heal();
    await witness.receives(100);
    expect(await witness.verify()).toBeGreaterThan(0);
    expect(witness.gaps).toMatchObject([{ cause: "disconnected", channels: ["a"] }]);
  });
});

// Row 71.
onEveryProtocol("a link that is never idle when it is killed", (bench) => {
  /** Milliseconds for which it is saturated before. */
  const SATURATED = 3000;
  /** How many messages are on their way at a time: a fifth of a second of the link. */
  const FLIGHT = 25;

  test.each(KINDS)("the window is no wider than the kill and one way through the link, shared %s", async (shared) => {
    bench.proxy.throttle(RATE);
    const witness = await Witness.open(bench.proxied(), bench.server, {
      channels: ["a"],
      padding: 32_000,
      // The pace is set below, by what has come.
      interval: 60_000,
      options: { shared },
    });
    const { stamper } = witness;
    let saturates = true;
    const saturation = (async () => {
      while (saturates) {
        if (stamper.published.length - witness.received < FLIGHT) void stamper.round();
        else await sleep(1);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await witness.receives(20);
    await sleep(SATURATED);
    const before = stamper.published.length;
    expect(before).toBeGreaterThan((RATE / 32_000) * (SATURATED / 1000) * 0.5);
    const killed = Date.now();
    await killSubscribers(bench.control);
    await eventually(() => expect(witness.gaps).toHaveLength(1), { timeout: 20_000 });
    saturates = false;
    await saturation;
    for (let round = 0; round < 20; round++) await stamper.round();
    await witness.verify();
    const [gap] = witness.gaps;
    // It reaches back to the last fence: a tenth of a second, and the way through the link.
    expect(killed - (gap?.from ?? 0)).toBeLessThan(1000);
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
    // Those of the whole second behind the huge one.
    expect(holes[0]?.missing).toBeGreaterThan(50);
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
