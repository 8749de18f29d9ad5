import { expect, test } from "vitest";
import { subscriberClients } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { names, nextData, onEveryProtocol, QUICK } from "./fixtures.ts";
import { Witness } from "./witness.ts";

onEveryProtocol("a link that is silent", (bench) => {
  // Row 9.
  test("for less than the timeout is kept: no reconnect, nothing lost", async () => {
    const witness = await Witness.open(bench.proxied(), bench.server, { channels: ["a"], handled: ["h"] });
    const [before] = await subscriberClients(bench.control);
    await witness.receives(50);
    await bench.server.openControl().command("DEBUG", "SLEEP", "0.5");
    await witness.receives(100);
    expect(await witness.verify()).toBe(0);
    expect(witness.gaps).toEqual([]);
    expect(bench.proxy.accepted).toHaveLength(1);
    expect((await subscriberClients(bench.control)).map(({ id }) => id)).toEqual([before?.id]);
  });

  // Row 9.
  test("while a keep-alive PING waits, for less than its timeout, is kept", async () => {
    const consumer = await bench.proxied().pubsub({ ...QUICK, maxIdle: 100, channels: "a" });
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    const sent = bench.proxy.bytesToServer;
    await bench.server.openControl().command("DEBUG", "SLEEP", "0.5");
    // A PING went out meanwhile, and its answer came.
    await eventually(() => expect(bench.proxy.bytesToServer).toBeGreaterThan(sent));
    await eventually(async () => expect((await subscriberClients(bench.control))[0]?.cmd).toBe("ping"));
    expect([bench.proxy.accepted.length, states, consumer.state]).toEqual([1, [], "live"]);
  });

  // Row 12.
  test("for good is left, though nothing is sent on it", async () => {
    const consumer = await bench.proxied().pubsub({ ...QUICK, channels: names("c", 3), ignoreSubscribeMessages: true });
    bench.proxy.blackhole();
    await eventually(() => expect(consumer.state).toBe("reconnecting"), { timeout: 15_000 });
    await bench.proxy.heal();
    await expectServerTruth(bench.server, { channels: names("c", 3) });
    await bench.control.command("PUBLISH", "c1", "back");
    expect(await nextData(consumer)).toBe("back");
  });

  // Row 13.
  test("while a subscribe is on its way is left, and the subscribe resolves on the next one", async () => {
    const client = bench.proxied();
    const consumer = await client.pubsub({ ...QUICK, channels: "a", subscriptionTimeout: 20_000 });
    bench.proxy.blackhole();
    const subscribing = consumer.subscribe("b");
    await eventually(() => expect(consumer.state).toBe("reconnecting"), { timeout: 15_000 });
    await bench.proxy.heal();
    await deadline(subscribing, 10_000, "the subscribe to resolve");
    await expectServerTruth(bench.server, { channels: ["a", "b"] });
  });

  // Row 14.
  test("in the direction to the client alone is left, and what was missed is told", async () => {
    const witness = await Witness.open(bench.proxied(), bench.server, { channels: ["a"], handled: ["h"] });
    await witness.receives(50);
    bench.proxy.stall("toClient");
    await eventually(() => expect(witness.consumer.state).toBe("reconnecting"), { timeout: 15_000 });
    await bench.proxy.heal();
    await witness.receives(100);
    expect(await witness.verify()).toBeGreaterThan(0);
    expect(witness.gaps).toHaveLength(1);
    await expectServerTruth(bench.server, { channels: ["a", "h"] });
  });

  // Row 8.
  test("because the server is frozen is left, and taken up when it thaws", async () => {
    const witness = await Witness.open(bench.client(), bench.server, { channels: ["a"] });
    await witness.receives(50);
    bench.server.freeze();
    await eventually(() => expect(witness.consumer.state).toBe("reconnecting"), { timeout: 15_000 });
    bench.server.thaw();
    await witness.receives(50);
    await witness.verify();
    await expectServerTruth(bench.server, { channels: ["a"] });
  });

  test("while subscriptions are restored is given up for another, by the policy", async () => {
    const client = bench.proxied();
    const witness = await Witness.open(client, bench.server, { channels: ["a", "b"], subscriptionTimeout: 100 });
    await witness.receives(50);
    // The server takes the command for another, and nobody confirms anything.
    bench.proxy.rewriteCommands(([name]) => (name === "SUBSCRIBE" ? { reply: "" } : undefined));
    bench.proxy.cut();
    await eventually(() => expect(bench.proxy.accepted.length).toBeGreaterThanOrEqual(4));
    expect(witness.consumer.state).toBe("reconnecting");
    expect([...witness.consumer.channels.keys()]).toEqual(["a", "b"]);
    expect(await subscriberClients(bench.control)).toEqual([]);
    bench.proxy.rewriteCommands(undefined);
    await expectServerTruth(bench.server, { channels: ["a", "b"] });
    await witness.receives(50);
    await witness.verify();
    expect(witness.gaps).toHaveLength(1);
    // Each had its time to answer, and the policy's wait came before the next.
    const [first = 0, last = 0] = [bench.proxy.accepted[1], bench.proxy.accepted[3]];
    expect(last - first).toBeGreaterThanOrEqual(100 + 100);
  });

  test("halfway through a restore is given up, and the next one restores the rest too", async () => {
    const client = bench.proxied();
    const wanted = { channels: ["a", "b"], patterns: { "p*": [] } };
    const witness = await Witness.open(client, bench.server, { ...wanted, subscriptionTimeout: 200 });
    await witness.receives(50);
    bench.proxy.rewriteCommands(([name]) => (name === "PSUBSCRIBE" ? { reply: "" } : undefined));
    bench.proxy.cut();
    await eventually(() => expect(bench.proxy.accepted.length).toBeGreaterThanOrEqual(3));
    bench.proxy.rewriteCommands(undefined);
    await expectServerTruth(bench.server, { channels: ["a", "b"], patterns: ["p*"] });
    await eventually(() => expect(witness.consumer.state).toBe("live"));
    await witness.receives(50);
    await witness.verify();
  });
});
