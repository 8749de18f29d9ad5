import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Stamper, startStamper } from "../support/stamper.ts";
import { type Bench, onEveryProtocol } from "./fixtures.ts";
import { SubscriberProcess } from "./subscriber-process.ts";

const CHANNELS = ["a", "b"];
/** In milliseconds: silence after which a PING goes out, and how long its answer may take. */
const PATIENCE = { maxIdle: 200, pingTimeout: 1000 };
/** The length of the fault: longer than a silent link may live. */
const HELD_UP = 1500;

function start({ proxy, protocol }: Bench): Promise<SubscriberProcess> {
  return SubscriberProcess.start({ port: proxy.port, protocol, channels: CHANNELS, ...PATIENCE, delay: 100 });
}

function publish(bench: Bench): Stamper {
  return startStamper({ sender: bench.server.openControl(), channels: CHANNELS, interval: 2 });
}

/** Ends the publishing and throws unless all came once and in order, or lies in a gap; gives the number of holes. */
async function verify({ ledger }: SubscriberProcess, stamper: Stamper): Promise<number> {
  const published = await stamper.stop();
  await eventually(() => expect(ledger.behind(published)).toEqual([]));
  return ledger.verify(published).holes.length;
}

/** Holds the answer to a keep-alive PING back until `heal`. */
async function holdPing({ proxy }: Bench): Promise<void> {
  proxy.stall("toClient");
  const before = proxy.bytesToServer;
  await eventually(() => expect(proxy.bytesToServer).toBeGreaterThan(before));
}

// Row 50.
onEveryProtocol("an event loop that is blocked for longer than a silent link may live", (bench) => {
  test("reads what came meanwhile, the PING's answer and all messages, before it judges", async () => {
    await using subscriber = await start(bench);
    const [before] = await subscriberClients(bench.control);
    await holdPing(bench);
    const { over } = await subscriber.block(HELD_UP);
    await bench.proxy.heal();
    await using stamper = publish(bench);
    await over;
    expect(stamper.acknowledged).toBeGreaterThan(0);
    await subscriber.receives(50);
    expect(await verify(subscriber, stamper)).toBe(0);
    expect((await subscriberClients(bench.control)).map(({ id }) => id)).toEqual([before?.id]);
    expect([bench.proxy.accepted.length, subscriber.states, subscriber.gaps]).toEqual([1, [], []]);
  });
});

// Row 51.
onEveryProtocol("a client that is suspended for longer than a silent link may live", (bench) => {
  test("reads what came meanwhile, the PING's answer and all messages, and needs no reconnect", async () => {
    await using subscriber = await start(bench);
    await holdPing(bench);
    subscriber.suspend();
    await bench.proxy.heal();
    await using stamper = publish(bench);
    await sleep(HELD_UP);
    expect([stamper.acknowledged > 0, subscriber.ledger.received]).toEqual([true, 0]);
    subscriber.wake();
    await subscriber.receives(50);
    expect(await verify(subscriber, stamper)).toBe(0);
    expect([bench.proxy.accepted.length, subscriber.states, subscriber.gaps]).toEqual([1, [], []]);
  });

  test("and is cut by the server meanwhile reconnects once, and what it missed lies in a gap", async () => {
    await using subscriber = await start(bench);
    await using stamper = publish(bench);
    await subscriber.receives(50);
    subscriber.suspend();
    await killSubscribers(bench.control);
    await sleep(HELD_UP);
    subscriber.wake();
    await expectServerTruth(bench.server, { channels: CHANNELS });
    await subscriber.receives(50);
    expect(await verify(subscriber, stamper)).toBe(CHANNELS.length);
    expect(subscriber.gaps).toMatchObject([{ cause: "disconnected", channels: CHANNELS }]);
    expect([bench.proxy.accepted.length, subscriber.states]).toEqual([2, ["reconnecting", "live"]]);
  });
});
