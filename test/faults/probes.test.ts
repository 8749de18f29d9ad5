import { ArgumentError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { onEveryProtocol, rejection } from "./fixtures.ts";
import { Witness } from "./witness.ts";

const PROBE = { interval: 50, channel: "probe" };
/** How long a message to oneself may take, in milliseconds; two must fail to come. */
const PATIENCE = 400;
/** More than the consumer takes before it pauses. */
const MORE = 60;

// Row 66.
onEveryProtocol("a consumer that probes its connection", (bench) => {
  test("and pauses because nothing is read is not taken for deaf, and loses nothing", async () => {
    const witness = await Witness.open(bench.client(), bench.server, {
      channels: ["a"],
      interval: 20,
      away: true,
      options: { buffer: { limit: 10, overflow: "pause" }, probe: PROBE, pingTimeout: PATIENCE },
    });
    const states: string[] = [];
    witness.consumer.on("state", (state) => states.push(state));
    let paused = false;
    witness.consumer.once("pause", () => {
      paused = true;
    });
    await eventually(() => expect(paused).toBe(true));
    // Long enough for probes to be sent and to be missed.
    const before = witness.stamper.acknowledged;
    await eventually(() => expect(witness.stamper.acknowledged).toBeGreaterThan(before + MORE));
    const begin = performance.now();
    await eventually(() => expect(performance.now() - begin).toBeGreaterThan(4 * PATIENCE));
    expect([states, witness.gaps]).toEqual([[], []]);
    witness.read();
    await witness.receives(MORE);
    expect(await witness.verify()).toBe(0);
    expect([states, witness.gaps]).toEqual([[], []]);
  });

  test("is refused a channel that it subscribes to, whichever of the two comes first", async () => {
    const client = bench.client();
    const refused = (options: object) => rejection((async () => client.pubsub(options))());
    for (const options of [
      { channels: ["a", "probe"], probe: PROBE },
      { channelHandlers: { probe: () => {} }, probe: PROBE },
      { channels: [Buffer.from("probe")], probe: PROBE },
    ]) {
      expect(await refused(options)).toBeInstanceOf(ArgumentError);
    }
    const consumer = await client.pubsub({ channels: "a", probe: PROBE, ignoreSubscribeMessages: true });
    for (const subscribe of [
      () => consumer.subscribe("probe"),
      () => consumer.subscribe(["b", "probe"]),
      () => consumer.subscribe("probe", () => {}),
      () => consumer.subscribe({ probe: () => {} }),
    ]) {
      expect(await rejection((async () => subscribe())())).toBeInstanceOf(ArgumentError);
    }
    expect([...consumer.channels.keys()]).toEqual(["a"]);
    // Patterns are not the channel itself.
    await consumer.psubscribe("other*");
    await bench.control.command("PUBLISH", "a", "x");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "x" });
    expect(consumer.state).toBe("live");
  });

  test("shows what it publishes to itself to nobody: not to a pattern that matches", async () => {
    const client = bench.client();
    const opening = client.pubsub({ patterns: "*", probe: PROBE, ignoreSubscribeMessages: true });
    const consumer = await opening.catch((error: unknown) => {
      // To refuse it is as good as to leave the messages out.
      expect(error).toBeInstanceOf(ArgumentError);
      return null;
    });
    if (consumer === null) return;
    const publishes = async () =>
      Number(/cmdstat_publish:calls=(\d+)/.exec(String(await bench.control.command("INFO", "commandstats")))?.[1] ?? 0);
    await eventually(async () => expect(await publishes()).toBeGreaterThan(3));
    await bench.control.command("PUBLISH", "mark", "x");
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "mark" });
    expect(consumer.stats()).toMatchObject({ received: 1, reconnects: 0 });
  });
});
