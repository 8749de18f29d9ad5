import { expect, test } from "vitest";
import { clientList, killClient, killSubscribers, subscriberClients } from "../support/clients.ts";
import type { ControlClient } from "../support/control-client.ts";
import { eventually } from "../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap } from "../support/leaks.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { names, onEveryProtocol, QUICK } from "./fixtures.ts";
import { Witness } from "./witness.ts";

const protocolTest = test.skipIf(lacks("clientProtocol"));

/** How many (P)SUBSCRIBE commands the server has run. */
async function subscribeCommands(control: ControlClient): Promise<number> {
  const stats = String(await control.command("INFO", "commandstats"));
  const calls = [...stats.matchAll(/^cmdstat_p?subscribe:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

// Rows 1 and 2.
onEveryProtocol("a subscriber connection that the server kills", (bench) => {
  protocolTest("comes back with all its subscriptions, and what is missing lies inside one gap", async () => {
    const interests = { channels: ["a", "p1"], handled: ["h"], patterns: { "p*": ["p1"] } };
    const witness = await Witness.open(bench.client(), bench.server, interests);
    const [client] = await subscriberClients(bench.control);
    await witness.receives(50);
    await killClient(bench.control, client?.id ?? 0);
    await expectServerTruth(bench.server, { channels: ["a", "p1", "h"], patterns: ["p*"] }, { timeout: 3000 });
    await witness.receives(200);
    await witness.verify();
    // One gap for each restoring command.
    expect(witness.gaps.map(({ cause, channels, patterns }) => [cause, [...channels].sort(), patterns])).toEqual([
      ["disconnected", ["a", "h", "p1"], []],
      ["disconnected", [], ["p*"]],
    ]);
    expect(witness.consumer.state).toBe("live");
    await eventually(async () =>
      expect((await subscriberClients(bench.control)).map(({ resp }) => resp)).toEqual([bench.protocol]),
    );
  });

  test("leaves commands alone, and the reader never notices but for the gaps", async () => {
    const client = bench.client();
    const witness = await Witness.open(client, bench.server, { channels: ["a"] });
    for (let round = 0; round < 5; round++) {
      await witness.receives(20);
      await killSubscribers(bench.control);
      expect(await client.publish("elsewhere", "x")).toBe(0);
      await eventually(() => expect(witness.gaps).toHaveLength(round + 1));
    }
    await witness.receives(20);
    await witness.verify();
    await expectServerTruth(bench.server, { channels: ["a"] });
  });

  test("brings 1,000 subscriptions back with few commands, handlers and all", async () => {
    const [read, handled, patterns] = [names("read", 400), names("handled", 200), names("pattern", 200)];
    const handledPatterns = names("handled-pattern", 200);
    const seen: string[] = [];
    const note = ({ channel }: { readonly channel: string }) => seen.push(channel);
    const consumer = await bench.client().pubsub({
      ...QUICK,
      channels: read,
      patterns,
      channelHandlers: handled.map((name) => [name, note] as const),
      patternHandlers: handledPatterns.map((name) => [name, note] as const),
      ignoreSubscribeMessages: true,
    });
    const wanted = { channels: [...read, ...handled], patterns: [...patterns, ...handledPatterns] };
    await expectServerTruth(bench.server, wanted);
    const before = await subscribeCommands(bench.control);
    expect(await killSubscribers(bench.control)).toBe(1);
    await expectServerTruth(bench.server, wanted, { timeout: 10_000 });
    const commands = (await subscribeCommands(bench.control)) - before;
    expect(commands).toBeGreaterThanOrEqual(2);
    expect(commands).toBeLessThanOrEqual(10);

    await eventually(() => expect(consumer.state).toBe("live"));
    for (const name of [...wanted.channels, ...wanted.patterns]) await bench.control.command("PUBLISH", name, "x");
    const received: string[] = [];
    while (received.length < 600) received.push((await consumer.receive({ timeout: 10_000 })).channel);
    expect(received).toEqual([...read, ...patterns]);
    await eventually(() => expect(seen).toEqual([...handled, ...handledPatterns]));
  });

  test("is replaced for every consumer of a client, each with its own subscriptions", async () => {
    const client = bench.client();
    const witnesses = await Promise.all(
      names("w", 10).map((name) => Witness.open(client, bench.server, { channels: [name] })),
    );
    expect(await killSubscribers(bench.control)).toBe(10);
    await expectServerTruth(bench.server, { channels: names("w", 10) }, { timeout: 3000 });
    for (const witness of witnesses) {
      await witness.receives(20);
      await witness.verify();
      expect(witness.gaps).toHaveLength(1);
    }
    await eventually(async () => {
      const users = (await clientList(bench.control)).filter(({ user }) => user !== "control");
      expect(users).toHaveLength(10);
    });
  });

  test("leaves no socket, timer or listener behind in 100 kills, and no heap", { timeout: 60_000 }, async () => {
    const client = bench.client();
    const retryPolicy = () => 1;
    const consumer = await client.pubsub({ ...QUICK, retryPolicy, channels: names("c", 20), patterns: "p*" });
    const reading = (async () => {
      let count = 0;
      for await (const _item of consumer) count += 1;
      return count;
    })();
    let gaps = 0;
    consumer.on("gap", () => {
      gaps += 1;
    });
    let kills = 0;
    const kill = async () => {
      expect(await killSubscribers(bench.control)).toBe(1);
      kills += 1;
      await eventually(() => expect([gaps, consumer.state]).toEqual([2 * kills, "live"]), { interval: 1 });
    };
    await kill();
    const before = baseline();
    await expectSteadyHeap(kill, { warmup: 50, cycles: 100, limit: 512 * 1024 });
    await expectBaseline(before);
    await expectServerTruth(bench.server, { channels: names("c", 20), patterns: ["p*"] });
    await consumer.close();
    // Each restoration is confirmed by name, once.
    expect(await reading).toBe(21 * (1 + kills));
  });
});
