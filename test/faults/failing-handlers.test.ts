import { type ChannelMessage, HandlerError } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { startStamper } from "../support/stamper.ts";
import { onEveryProtocol, QUICK } from "./fixtures.ts";

// Row 25.
onEveryProtocol("handlers that fail", (bench) => {
  test("disturb no message of theirs or of others, under load and across kills", async () => {
    const ledgers = { sync: new Ledger(), async: new Ledger(), fine: new Ledger(), pattern: new Ledger() };
    const read = new Ledger();
    const thrown = { sync: 0, async: 0, pattern: 0 };
    const consumer = await bench.client().pubsub({
      ...QUICK,
      channels: "read",
      channelHandlers: {
        sync: (message: ChannelMessage) => {
          ledgers.sync.record(message);
          thrown.sync += 1;
          throw new Error("at once");
        },
        async: async (message: ChannelMessage) => {
          ledgers.async.record(message);
          await new Promise((resolve) => setImmediate(resolve));
          thrown.async += 1;
          throw new Error("later");
        },
        fine: ledgers.fine.record,
      },
      patternHandlers: {
        "syn?": (message) => {
          ledgers.pattern.record(message);
          if (ledgers.pattern.received % 2 === 0) return;
          thrown.pattern += 1;
          throw new Error("now and then");
        },
      },
      ignoreSubscribeMessages: true,
      includeGaps: true,
    });
    const failures: Error[] = [];
    consumer.on("error", (error) => failures.push(error));
    consumer.on("gap", (gap) => {
      for (const ledger of Object.values(ledgers)) ledger.recordGap(gap);
    });
    const reading = (async () => {
      for await (const item of consumer.messages()) {
        if (item.type === "gap") read.recordGap(item);
        else read.record(item);
      }
    })();
    const channels = ["sync", "async", "fine", "read"];
    await using stamper = startStamper({ sender: bench.server.openControl(), channels, interval: 1 });
    const receives = async (count: number) => {
      const before = read.received;
      await eventually(() => expect(read.received).toBeGreaterThan(before + count));
    };
    for (let kills = 0; kills < 3; kills++) {
      await receives(100);
      await killSubscribers(bench.control);
    }
    await receives(100);
    await expectServerTruth(bench.server, { channels, patterns: ["syn?"] });
    const published = await stamper.stop();
    const routes = (channel: string, pattern: string | null = null) => ({ routes: [{ channel, pattern }] });
    const views = [
      { ledger: ledgers.sync, options: routes("sync") },
      // What waits for its turn is handed over after the gap was told.
      { ledger: ledgers.async, options: { ...routes("async"), early: true } },
      { ledger: ledgers.fine, options: routes("fine") },
      { ledger: ledgers.pattern, options: routes("sync", "syn?") },
      { ledger: read, options: routes("read") },
    ];
    await eventually(() =>
      expect(views.flatMap(({ ledger, options }) => ledger.behind(published, options))).toEqual([]),
    );
    for (const { ledger, options } of views) ledger.verify(published, options);
    await eventually(() => expect(thrown.async).toBe(ledgers.async.received));

    const of = (channel: string, pattern: string | null = null) =>
      failures.filter(
        (error) => error instanceof HandlerError && error.channel === channel && error.pattern === pattern,
      );
    await eventually(() => expect(of("async")).toHaveLength(thrown.async));
    expect(of("sync")).toHaveLength(thrown.sync);
    expect(of("sync", "syn?")).toHaveLength(thrown.pattern);
    expect(failures).toHaveLength(thrown.sync + thrown.async + thrown.pattern);
    expect(thrown.sync).toBe(ledgers.sync.received);
    expect(of("sync")[0]?.cause).toEqual(new Error("at once"));
    expect(of("async")[0]?.cause).toEqual(new Error("later"));
    expect(of("sync", "syn?")[0]?.cause).toEqual(new Error("now and then"));
    await consumer.close();
    await reading;
  });

  test("are not called twice for a message, nor taken off, by a kill while one is at work", async () => {
    const seen: string[] = [];
    let release = () => {};
    const consumer = await bench.client().pubsub({
      ...QUICK,
      channelHandlers: {
        slow: async ({ data }: ChannelMessage) => {
          seen.push(data);
          if (data !== "1") return;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          throw new Error("after the kill");
        },
      },
    });
    const failures: Error[] = [];
    consumer.on("error", (error) => failures.push(error));
    await bench.control.command("PUBLISH", "slow", "1");
    await bench.control.command("PUBLISH", "slow", "2");
    await eventually(() => expect(seen).toEqual(["1"]));
    // What is confirmed came after what was published.
    await consumer.subscribe("behind");
    await killSubscribers(bench.control);
    await expectServerTruth(bench.server, { channels: ["slow", "behind"] });
    await bench.control.command("PUBLISH", "slow", "3");
    release();
    await eventually(() => expect(seen).toEqual(["1", "2", "3"]));
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toMatchObject({ code: "HANDLER", channel: "slow", cause: new Error("after the kill") });
  });
});
