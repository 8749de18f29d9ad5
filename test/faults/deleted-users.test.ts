import { type RedisOptions, ServerError } from "tidings";
import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { Ledger } from "../support/ledger.ts";
import { watchResources } from "../support/resource-watch.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { startStamper } from "../support/stamper.ts";
import { nextData, onEveryProtocol, rejection } from "./fixtures.ts";

const ruleTest = test.skipIf(lacks("channelRules"));

const RULES = "on >secret ~* &* +@all";
const LOGIN: RedisOptions = { username: "reader", password: "secret" };

// Row 20. The server ends the connections of a user that is deleted, and does not know it at the next login.
onEveryProtocol(
  "a user who is deleted while connected",
  (bench) => {
    const remove = () => bench.control.command("ACL", "DELUSER", "reader");
    const add = () => bench.control.command("ACL", "SETUSER", "reader", ...RULES.split(" "));

    test("is refused once: the consumer fails, tells it once, and makes no further attempt", async () => {
      using watch = watchResources();
      let asked = 0;
      const client = bench.proxied({
        ...LOGIN,
        retryPolicy: () => {
          asked += 1;
          return 10;
        },
      });
      const consumer = await client.pubsub({ channels: ["a", "b"], ignoreSubscribeMessages: true });
      const [errors, states] = [[] as Error[], [] as string[]];
      consumer.on("error", (error) => errors.push(error));
      consumer.on("state", (state) => states.push(state));
      const waiting = rejection(consumer.receive());
      await remove();
      const cause = await deadline(waiting, 10_000, "the reader to be told");
      expect(cause).toBeInstanceOf(ServerError);
      expect(cause).toMatchObject({ code: "WRONGPASS" });
      expect(String(cause)).not.toContain("secret");
      expect(await rejection(consumer.subscribe("c"))).toBe(cause);
      await eventually(() => expect(bench.proxy.open).toBe(0));
      // Neither a socket nor a timer is left that could lead to another attempt.
      await watch.expectNone();
      expect([states, errors, [...consumer.channels.keys()]]).toEqual([
        ["reconnecting", "failed"],
        [cause],
        ["a", "b"],
      ]);
      // One for the connection that was ended, none for the refused login.
      expect([asked, bench.proxy.accepted.length]).toEqual([1, 2]);
    });

    ruleTest("may come back: retry takes everything up again, and what was missed lies in a gap", async () => {
      const ledger = new Ledger();
      const channels = ["a", "b"];
      const consumer = await bench.proxied(LOGIN).pubsub({
        channelHandlers: channels.map((channel) => [channel, ledger.record] as const),
      });
      consumer.on("error", () => {});
      consumer.on("gap", ledger.recordGap);
      await using stamper = startStamper({ sender: bench.server.openControl(), channels, interval: 2 });
      const receives = async (count: number) => {
        const before = ledger.received;
        await eventually(() => expect(ledger.received).toBeGreaterThanOrEqual(before + count));
      };
      await receives(50);
      await remove();
      await eventually(() => expect(consumer.state).toBe("failed"));
      expect(await rejection(consumer.retry())).toMatchObject({ code: "WRONGPASS" });
      expect(consumer.state).toBe("failed");
      await add();
      await deadline(consumer.retry(), 10_000, "the retry");
      await expectServerTruth(bench.server, { channels });
      await receives(50);
      const published = await stamper.stop();
      await eventually(() => expect(ledger.behind(published)).toEqual([]));
      expect(ledger.verify(published).holes).not.toEqual([]);
      expect(ledger.gaps).toBe(1);
    });

    ruleTest("is refused as a publisher, too, at each use and at no other time", async () => {
      const client = bench.proxied(LOGIN);
      await client.connect();
      await remove();
      await eventually(() => expect(client.state).toBe("failed"));
      const attempts = bench.proxy.accepted.length;
      expect(await rejection(client.publish("a", "x"))).toMatchObject({ code: "WRONGPASS" });
      expect(await rejection(client.pubsub({ channels: "a" }))).toMatchObject({ code: "WRONGPASS" });
      expect(bench.proxy.accepted).toHaveLength(attempts + 2);
      await add();
      const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
      expect(await client.publish("a", "again")).toBe(1);
      expect(await nextData(consumer)).toBe("again");
    });
  },
  { users: { reader: RULES } },
);
