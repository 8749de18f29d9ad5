import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import type { TcpProxy } from "../support/proxy.ts";
import { nextData, onEveryProtocol, QUICK } from "./fixtures.ts";

/** What a link may be silent for, in milliseconds. */
const [MAX_IDLE, PING_TIMEOUT] = [200, 1000];
/** The pause before a byte: far less than that, so that a busy machine does not use it up. */
const PAUSE = 15;
/** A frame that is on its way for more than twice the time in which a silent link is dead. */
const LENGTH = (3 * (MAX_IDLE + PING_TIMEOUT)) / PAUSE;

/** Lets what waits for the client through, a byte or two at a time, until `done`; gives how long that took. */
async function trickle(proxy: TcpProxy, done: () => boolean): Promise<number> {
  const started = performance.now();
  proxy.fragment(1, "toClient");
  while (!done()) {
    const before = proxy.bytesToClient;
    for (const connection of proxy.connections) connection.setFaults("toClient", { stalled: false });
    while (!done() && proxy.bytesToClient === before) await new Promise((resolve) => setImmediate(resolve));
    proxy.stall("toClient");
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return performance.now() - started;
}

// Row 15.
onEveryProtocol("a frame that comes a byte at a time", (bench) => {
  test("and takes longer than a silent link may live is waited for, and so is the PING's answer behind it", async () => {
    const consumer = await bench.proxied().pubsub({
      ...QUICK,
      maxIdle: MAX_IDLE,
      pingTimeout: PING_TIMEOUT,
      channels: "a",
      ignoreSubscribeMessages: true,
    });
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    bench.proxy.stall("toClient");
    const payload = "x".repeat(LENGTH);
    await bench.control.command("PUBLISH", "a", payload);
    const asked = bench.proxy.bytesToServer;
    await eventually(() => expect(bench.proxy.bytesToServer).toBeGreaterThan(asked));
    let ended = false;
    const reading = nextData(consumer).finally(() => {
      ended = true;
    });
    const took = await deadline(
      trickle(bench.proxy, () => ended),
      15_000,
      "the message",
    );
    expect(await reading).toBe(payload);
    expect(took).toBeGreaterThan(MAX_IDLE + PING_TIMEOUT);
    await bench.proxy.heal();
    await bench.control.command("PUBLISH", "a", "in a piece");
    expect(await nextData(consumer)).toBe("in a piece");
    expect([bench.proxy.accepted.length, states, consumer.stats().gaps]).toEqual([1, [], 0]);
  });
});
