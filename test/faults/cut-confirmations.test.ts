import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { names, nextData, onEveryProtocol, QUICK } from "./fixtures.ts";
import { Witness } from "./witness.ts";

/** What a confirmation begins with, in both protocols: so many lie before the n-th, less one. */
const CONFIRMATION = "$9\r\nsubscribe\r\n";
const PATTERN_CONFIRMATION = "$10\r\npsubscribe\r\n";

const channels = names("c", 20);

// Row 3.
onEveryProtocol("a connection that is cut among confirmations", (bench) => {
  test.each([0, 1, 7, 19])("a first subscribe resolves after the reconnect, cut after %i of 20", async (whole) => {
    const consumer = await bench.proxied().pubsub({ ...QUICK, channels: "first", ignoreSubscribeMessages: true });
    bench.proxy.cutBeforeMatch(CONFIRMATION, whole + 1, { connections: "open" });
    const subscribing = consumer.subscribe(channels);
    expect([...consumer.channels.keys()]).toEqual(["first", ...channels]);
    await deadline(subscribing, 10_000, "the subscribe to resolve");
    expect([bench.proxy.cuts, bench.proxy.accepted.length]).toEqual([1, 2]);
    await expectServerTruth(bench.server, { channels: ["first", ...channels] });
    for (const name of ["first", ...channels]) expect(await bench.control.command("PUBLISH", name, name)).toBe(1);
    for (const name of ["first", ...channels]) expect(await nextData(consumer)).toBe(name);
    await eventually(() => expect(consumer.state).toBe("live"));
  });

  test.each([0, 1, 7, 19])("an open resolves after the reconnect, cut after %i of 20", async (whole) => {
    bench.proxy.cutBeforeMatch(CONFIRMATION, whole + 1);
    const opening = bench.proxied().pubsub({ ...QUICK, channels, ignoreSubscribeMessages: true });
    const consumer = await deadline(opening, 10_000, "the open to resolve");
    expect([bench.proxy.cuts, bench.proxy.accepted.length]).toEqual([1, 2]);
    await expectServerTruth(bench.server, { channels });
    expect(consumer.state).toBe("live");
  });

  test("several pending calls of both kinds all resolve after the reconnect, and an unsubscribe holds", async () => {
    const consumer = await bench.proxied().pubsub({ ...QUICK, channels: ["first", "gone"] });
    bench.proxy.cutBeforeMatch(PATTERN_CONFIRMATION, 3, { connections: "open" });
    const calls = [
      consumer.subscribe(channels.slice(0, 10)),
      consumer.psubscribe(names("p", 5)),
      consumer.unsubscribe("gone"),
      consumer.subscribe(channels.slice(10)),
      consumer.psubscribe(names("q", 5)),
    ];
    await deadline(Promise.all(calls), 10_000, "all calls to settle");
    expect(bench.proxy.cuts).toBe(1);
    const wanted = { channels: ["first", ...channels], patterns: [...names("p", 5), ...names("q", 5)] };
    await expectServerTruth(bench.server, wanted);
    expect([...consumer.channels.keys()]).toEqual(wanted.channels);
    expect([...consumer.patterns.keys()]).toEqual(wanted.patterns);
  });

  test.each([
    [0, 1],
    [1, 1],
    [7, 2],
    [19, 2],
    [20, 3],
  ])("a restore is whole in the end, cut after %i of 20, %i times in a row", async (whole, times) => {
    const interests = { channels: channels.slice(0, 10), handled: channels.slice(10), patterns: { "c?": ["c3"] } };
    const witness = await Witness.open(bench.proxied(), bench.server, interests);
    await witness.receives(100);
    if (whole < 20) bench.proxy.cutBeforeMatch(CONFIRMATION, whole + 1, { times });
    else bench.proxy.cutAfterMatch(PATTERN_CONFIRMATION, 1, { times });
    bench.proxy.cut();
    await expectServerTruth(bench.server, { channels, patterns: ["c?"] });
    await eventually(() => expect(witness.consumer.state).toBe("live"));
    await witness.receives(400);
    await witness.verify();
    expect([bench.proxy.cuts, bench.proxy.accepted.length]).toEqual([times, 2 + times]);
    expect([witness.consumer.channels.size, witness.consumer.patterns.size]).toEqual([20, 1]);
  });

  test("names asked for between two cuts of a restore are not forgotten", async () => {
    const witness = await Witness.open(bench.proxied(), bench.server, { channels });
    await witness.receives(100);
    bench.proxy.cutBeforeMatch(CONFIRMATION, 5, { times: 2 });
    bench.proxy.cut();
    const calls: Promise<void>[] = [];
    for (let cuts = 0; cuts <= 2; cuts++) {
      await eventually(() => expect(bench.proxy.cuts).toBe(cuts));
      calls.push(witness.consumer.subscribe(`between${cuts}`), witness.consumer.unsubscribe(`c${cuts}`));
    }
    await deadline(Promise.all(calls), 10_000, "all calls to settle");
    await expectServerTruth(bench.server, { channels: [...channels.slice(3), ...names("between", 3)] });
    await eventually(() => expect(witness.consumer.state).toBe("live"));
  });
});
