import { Redis } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFakeServer } from "../support/fake-server.ts";
import { Ledger } from "../support/ledger.ts";
import { stampPayload } from "../support/stamp.ts";
import type { Published } from "../support/stamper.ts";

const AUDIT = { audit: { interval: 150 } };

// Row 65.
describe.each([3, 2] as const)("subscriptions that a server drops in silence (RESP%i)", (protocol) => {
  test.each([
    ["all of them", ["a", "b"], ["p*"]],
    ["the first channel", ["a"], []],
    ["the last channel", ["b"], []],
    ["both channels", ["a", "b"], []],
    ["the pattern", [], ["p*"]],
  ] as const)(
    "are found by an audit, and what was missed is told by a stale gap: %s",
    async (_what, lost, patterns) => {
      const server = await startFakeServer();
      const client = new Redis(server.url, { protocol });
      const consumer = await client.pubsub({ ...AUDIT, channels: ["a", "b"], patterns: "p*", includeGaps: true });
      const ledger = new Ledger();
      const gaps: unknown[] = [];
      consumer.on("gap", ({ cause, channels, patterns: named }) => gaps.push([cause, [...channels], [...named]]));
      void (async () => {
        for await (const item of consumer.messages({ until: "closed" })) {
          if (item.type === "gap") ledger.recordGap(item);
          else ledger.record(item);
        }
      })();
      const published: Published[] = [];
      const publish = () => {
        for (const channel of ["a", "b", "p1"]) {
          const sequence = published.filter((it) => it.channel === channel).length + 1;
          const entry = {
            run: "r",
            channel,
            sequence,
            sentAt: Date.now(),
            acknowledgedAt: Date.now(),
            receivers: null,
          };
          published.push(entry);
          server.publish(channel, stampPayload(entry));
        }
      };
      const timer = setInterval(publish, 5);
      await eventually(() => expect(ledger.received).toBeGreaterThan(30));
      const { subscriptions } = server.latest;
      for (const name of lost) subscriptions[""].delete(name);
      for (const name of patterns) subscriptions.p.delete(name);
      // Whatever the timer does on a busy machine, these are lost.
      publish();
      publish();
      await eventually(() => expect([...subscriptions[""], ...subscriptions.p].sort()).toEqual(["a", "b", "p*"]));
      const before = ledger.received;
      await eventually(() => expect(ledger.received).toBeGreaterThan(before + 30));
      clearInterval(timer);
      const routes = [
        { channel: "a", pattern: null },
        { channel: "b", pattern: null },
        { channel: "p1", pattern: "p*" },
      ];
      await eventually(() => expect(ledger.behind(published, { routes })).toEqual([]));
      expect(ledger.verify(published, { routes }).holes).toHaveLength(lost.length + patterns.length);
      // Of those alone that were lost; others were confirmed again with a count that did not change.
      const names = (gaps as [string, string[], string[]][]).flatMap(([, channels, named]) => [...channels, ...named]);
      expect(names.sort()).toEqual([...lost, ...patterns].sort());
      expect(new Set((gaps as [string][]).map(([cause]) => cause))).toEqual(new Set(["stale"]));
      expect(server.accepted).toHaveLength(1);
      await client.close();
      await server.stop();
    },
  );

  test("that were not dropped are confirmed again and again without a gap", async () => {
    const server = await startFakeServer();
    const client = new Redis(server.url, { protocol });
    const consumer = await client.pubsub({ audit: { interval: 20 }, channels: ["a", "b"], patterns: "p*" });
    const gaps: unknown[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    await eventually(() => expect(server.received().filter((name) => name === "SUBSCRIBE").length).toBeGreaterThan(10));
    // A count that changes because the user subscribes is no loss.
    await consumer.subscribe("c");
    await consumer.unsubscribe("a");
    const before = server.commands.length;
    await eventually(() => expect(server.commands.length).toBeGreaterThan(before + 10));
    expect([gaps, consumer.state]).toEqual([[], "live"]);
    await client.close();
    await server.stop();
  });
});
