import { ConnectionError, TimeoutError } from "tidings";
import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { names, nextData, onEveryProtocol, QUICK, rejection } from "./fixtures.ts";
import { Witness } from "./witness.ts";

// Rows 6 and 7.
onEveryProtocol("a server that goes and comes back", (bench) => {
  test.each(["SIGTERM", "SIGKILL"] as const)("after %s all subscriptions and handlers are back", async (signal) => {
    const interests = { channels: ["a", "b1"], handled: ["h"], patterns: { "b*": ["b1"] } };
    const client = bench.client();
    const witness = await Witness.open(client, bench.server, interests);
    await client.connect();
    await witness.receives(100);
    await bench.server.restart({ signal });
    await expectServerTruth(bench.server, { channels: ["a", "b1", "h"], patterns: ["b*"] }, { timeout: 3000 });
    await witness.receives(200);
    await witness.verify();
    expect(witness.gaps.map(({ channels, patterns }) => [...channels, ...patterns].sort())).toEqual([
      ["a", "b1", "h"],
      ["b*"],
    ]);
    expect(await client.publish("elsewhere", "x")).toBe(0);
    expect([client.state, witness.consumer.state]).toEqual(["live", "live"]);
  });

  test("what is asked while it is away is done when it is back", async () => {
    const client = bench.client();
    await client.connect();
    const consumer = await client.pubsub({ ...QUICK, channels: ["a", "b"], ignoreSubscribeMessages: true });
    await bench.server.shutdown();
    await eventually(() => expect([client.state, consumer.state]).toEqual(["reconnecting", "reconnecting"]));
    const pending = [consumer.subscribe("c"), consumer.unsubscribe("b"), consumer.psubscribe("p*", () => {})];
    const publishing = client.publish("nobody", "x");
    const opening = client.pubsub({ ...QUICK, channels: names("late", 3) });
    await bench.server.start();
    await deadline(Promise.all([...pending, opening]), 10_000, "all calls to settle");
    expect(await publishing).toBe(0);
    await expectServerTruth(bench.server, { channels: ["a", "c", ...names("late", 3)], patterns: ["p*"] });
    await client.publish("c", "1");
    expect(await nextData(consumer)).toBe("1");
  });

  test("a subscribe that waits too long for it rejects, and is not made up for later", async () => {
    const client = bench.client({ connectTimeout: 300, readyTimeout: 300, commandTimeout: 300 });
    const consumer = await client.pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
    await bench.server.shutdown();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const calls = [consumer.subscribe("late"), consumer.subscribe("a", () => {}), client.publish("a", "too late")];
    for (const error of await deadline(Promise.all(calls.map(rejection)), 10_000, "the calls to reject"))
      expect(error).toBeInstanceOf(TimeoutError);
    expect([...consumer.channels]).toEqual([["a", null]]);
    await bench.server.start();
    await expectServerTruth(bench.server, { channels: ["a"] });
    await client.publish("a", "in time");
    expect(await nextData(consumer)).toBe("in time");
  });

  test("a command whose answer died with it rejects and is not sent again", async () => {
    const client = bench.client();
    const consumer = await client.pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
    await client.connect();
    bench.server.freeze();
    const publishing = rejection(client.publish("a", "of unknown fate"));
    await bench.server.kill();
    expect(await deadline(publishing, 10_000, "the publish to be told")).toBeInstanceOf(ConnectionError);
    await bench.server.start();
    await expectServerTruth(bench.server, { channels: ["a"] });
    await client.publish("a", "the next");
    expect(await nextData(consumer)).toBe("the next");
  });

  test("time and again, with crashes and restarts mixed, it costs no subscription", async () => {
    const wanted = { channels: names("c", 30), handled: names("h", 10) };
    const witness = await Witness.open(bench.client(), bench.server, wanted);
    for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL", "SIGTERM"] as const) {
      await witness.receives(100);
      await bench.server.restart({ signal });
      await expectServerTruth(bench.server, { channels: [...wanted.channels, ...wanted.handled] });
    }
    await witness.receives(200);
    await witness.verify();
    expect(witness.gaps).toHaveLength(4);
  });
});
