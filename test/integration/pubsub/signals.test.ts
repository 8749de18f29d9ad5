import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { lacks } from "../../support/server-features.ts";
import { message, nextItems, onEveryKind, PATIENCE, rejection } from "./fixtures.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

onEveryKind("a signal that outlives what it was given to", (bench) => {
  test("keeps no listener of calls that have settled", async () => {
    const { signal } = new AbortController();
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    await nextItems(consumer, 1);
    for (let round = 0; round < 20; round++) {
      await consumer.subscribe(["b"], { signal });
      expect(await consumer.getMessage({ signal })).toBe(null);
      expect(await consumer.getMessage({ signal, timeout: 1 })).toBe(null);
      const waiting = consumer.receive({ signal, timeout: PATIENCE });
      await bench.publish("a", "1");
      expect(await waiting).toEqual(message("a", "1"));
      await rejection(consumer.receive({ signal, timeout: 1 }));
    }
    expect(listeners(signal)).toBe(0);
  });

  test.skipIf(lacks("channelRules"))("keeps no listener of calls that reject", async () => {
    const { signal } = new AbortController();
    await bench.control.command("ACL", "SETUSER", "signalled", "reset", "on", ">p", "+@all", "&ok");
    const consumer = await bench.client({ username: "signalled", password: "p" }).pubsub();
    for (let round = 0; round < 5; round++) await rejection(consumer.subscribe(["no", "ok"], { signal }));
    const closing = [consumer.subscribe(["ok"], { signal }), consumer.receive({ signal })].map(rejection);
    await consumer.close();
    await Promise.all(closing);
    expect(listeners(signal)).toBe(0);
  });

  test("keeps no listener of iterators that have ended", async () => {
    const { signal } = new AbortController();
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (let round = 0; round < 5; round++) {
      await bench.publish("a", String(round));
      for await (const item of consumer.messages({ signal })) {
        expect(item.data).toBe(String(round));
        break;
      }
    }
    const [iterator, batches] = [consumer.messages({ signal }), consumer.batches({ signal })];
    const pending = [iterator.next(), batches.next()];
    expect(listeners(signal)).toBeGreaterThan(0);
    await consumer.unsubscribe();
    expect(await Promise.all(pending)).toEqual(new Array(2).fill({ done: true, value: undefined }));
    expect(listeners(signal)).toBe(0);
  });

  test("keeps no listener of consumers that are closed, drained or never opened", async () => {
    const { signal } = new AbortController();
    const client = bench.client();
    for (let round = 0; round < 5; round++) {
      const closed = await client.pubsub({ channels: "a", signal });
      await closed.close();
      const drained = await client.pubsub({ patterns: "p*", signal });
      await drained.drain({ timeout: PATIENCE });
      const never = bench.unopened({ channels: "a", signal });
      await never.close();
    }
    expect(listeners(signal)).toBe(0);
  });
});
