import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { onEveryKind } from "./fixtures.ts";

const request = new AsyncLocalStorage<string>();

onEveryKind("the asynchronous context", (bench) => {
  test("of a handler is that of the call that registered it, also of one function and behind an async handler", async () => {
    const seen: (readonly [channel: string, context: string | undefined])[] = [];
    const handler = async ({ channel }: { readonly channel: string }) => {
      seen.push([channel, request.getStore()]);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([channel, request.getStore()]);
    };
    const consumer = await request.run("opened", () => bench.consumer({ channelHandlers: { o: handler } }));
    await request.run("first", () => consumer.subscribe("a", handler));
    await request.run("second", () => consumer.subscribe("b", handler));
    await consumer.subscribe("none", handler);
    const told = new Promise((resolve) => consumer.once("gap", resolve));
    await killSubscribers(bench.server.control);
    await told;
    await eventually(() => expect(consumer.state).toBe("live"));
    for (const channel of ["a", "b", "o", "none"]) {
      await bench.publish(channel, "1");
      await bench.publish(channel, "2");
    }
    await eventually(() => expect(seen).toHaveLength(16));
    const contexts = new Map(seen);
    expect([...contexts].sort()).toEqual([
      ["a", "first"],
      ["b", "second"],
      ["none", undefined],
      ["o", "opened"],
    ]);
    expect(seen.every(([channel, context]) => context === contexts.get(channel))).toBe(true);
  });

  test("of events and codecs is that of no request, whoever connects or makes room", async () => {
    const seen = new Set<string | undefined>();
    const note = () => seen.add(request.getStore());
    const codec = {
      decode: (payload: Buffer) => {
        note();
        return payload.toString();
      },
      encode: (value: string) => value,
    };
    const consumer = await request.run("first", () => bench.consumer({ channels: "a", codec, buffer: { limit: 2 } }));
    for (const event of ["pause", "resume", "state", "gap", "close"] as const) consumer.on(event, note);
    for (let n = 0; n < 10; n++) await bench.publish("a", String(n));
    await request.run("reader", async () => {
      for (let n = 0; n < 10; n++) await consumer.receive({ timeout: 5000 });
    });
    await killSubscribers(bench.server.control);
    await eventually(() => expect([consumer.state, consumer.stats().gaps]).toEqual(["live", 1]));
    await request.run("closer", () => consumer.close());
    expect([...seen]).toEqual([undefined]);
  });
});
