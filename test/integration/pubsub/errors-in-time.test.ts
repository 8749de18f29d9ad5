import { expect, test, vi } from "vitest";
import { bytes, json, PubSub, Redis } from "../../../src/index.ts";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startProxy } from "../../support/proxy.ts";
import { onEveryKind, rejection } from "./fixtures.ts";

/** What reaches the process while the function runs. */
async function uncaughtDuring(run: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const seen: unknown[] = [];
  const note = (error: unknown) => seen.push(error);
  process.on("uncaughtException", note);
  try {
    await run();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.removeListener("uncaughtException", note);
    for (const listener of others) process.on("uncaughtException", listener);
  }
  return seen;
}

const failing = (): never => {
  throw new Error("bad handler");
};

onEveryKind(
  "errors of handlers",
  (bench) => {
    /** Publishes as long as the function runs. */
    async function busily(run: () => Promise<void>): Promise<void> {
      let done = false;
      const publishing = (async () => {
        while (!done) await Promise.all(Array.from({ length: 50 }, () => bench.publish("busy", "x")));
      })();
      await run();
      done = true;
      await publishing;
    }

    test("wait for a listener that is attached on the line behind", async () => {
      const client = bench.client();
      const heard: unknown[] = [];
      const uncaught = await uncaughtDuring(() =>
        busily(async () => {
          for (let i = 0; i < 20; i++) {
            const short = await client.subscribe("busy", failing);
            short.on("error", (error) => heard.push(error));
            const own = await client.pubsub({ channelHandlers: { busy: failing } });
            own.on("error", (error) => heard.push(error));
            const later = await client.pubsub();
            const subscribed = later.subscribe("busy", failing);
            await subscribed;
            later.on("error", (error) => heard.push(error));
            await eventually(() => expect(heard.length).toBeGreaterThan(3 * i));
            await Promise.all([short.close(), own.close(), later.close()]);
          }
        }),
      );
      expect(uncaught).toEqual([]);
      expect(heard[0]).toMatchObject({ code: "HANDLER", cause: { message: "bad handler" } });
    });

    test("go to the client where the consumer has no listener, and to the process where nobody has", async () => {
      const client = bench.client();
      const heard: unknown[] = [];
      const note = (error: unknown) => heard.push(error);
      client.on("error", note);
      const consumer = await client.pubsub({ channelHandlers: { a: failing } });
      await bench.publish("a", "1");
      await eventually(() => expect(heard).toHaveLength(1));
      expect(heard[0]).toMatchObject({ code: "HANDLER", channel: "a" });
      client.off("error", note);
      const uncaught = await uncaughtDuring(async () => {
        await bench.publish("a", "2");
        await eventually(() => expect(consumer.stats().delivered).toBe(2));
      });
      expect(uncaught).toMatchObject([{ code: "HANDLER", channel: "a" }]);
    });
  },
  { kinds: ["server"] },
);

onEveryKind(
  "what nobody would see",
  (bench) => {
    /** The warnings of the library while the function runs. */
    async function warnings(run: () => Promise<void>): Promise<string[]> {
      const spy = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      await run();
      const codes = spy.mock.calls.map(([, options]) => (options as { code: string }).code);
      spy.mockRestore();
      return codes;
    }

    test("is warned of once: dropped messages", async () => {
      const seen = await warnings(async () => {
        const consumer = await bench.consumer({ channels: "a", buffer: { limit: 2, overflow: "drop-oldest" } });
        for (let n = 0; n < 6; n++) await bench.publish("a", String(n));
        await eventually(() => expect(consumer.stats().dropped).toBeGreaterThan(2));
      });
      expect(seen).toEqual(["TIDINGS_DROPPED"]);
    });

    test("is warned of once: refused payloads", async () => {
      const seen = await warnings(async () => {
        const consumer = await bench.consumer({ channels: "a", codec: json() });
        for (let n = 0; n < 3; n++) await bench.publish("a", "{");
        await eventually(() => expect(consumer.stats().refused).toBe(3));
      });
      expect(seen).toEqual(["TIDINGS_REFUSED"]);
    });

    test("is warned of once: a pause in which nobody reads", async () => {
      const spy = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true, buffer: { limit: 2 } });
      for (let n = 0; n < 6; n++) await bench.publish("a", String(n));
      await eventually(() => expect(spy.mock.calls).toHaveLength(1));
      expect(spy.mock.calls[0]).toMatchObject([
        expect.stringContaining("they are not read"),
        { code: "TIDINGS_PAUSED" },
      ]);
      spy.mockRestore();
      await consumer.close();
    });

    test("is not warned of where it is seen", async () => {
      const seen = await warnings(async () => {
        const listens = await bench.consumer({ channels: "a", buffer: { limit: 2, overflow: "drop-newest" } });
        listens.on("gap", () => {});
        const includes = await bench.consumer({
          channels: "a",
          includeGaps: true,
          buffer: { limit: 2, overflow: "drop-oldest" },
        } as object);
        const refuses = await bench.consumer({ channels: "a", codec: json() });
        refuses.on("error", () => {});
        for (let n = 0; n < 6; n++) await bench.publish("a", "{");
        await eventually(() => {
          for (const one of [listens, includes]) expect(one.stats().dropped).toBeGreaterThan(2);
          expect(refuses.stats().refused).toBe(6);
        });
      });
      expect(seen).toEqual([]);
    });
  },
  { kinds: ["server", "shards"] },
);

onEveryKind("what a consumer shows of its connection", (bench) => {
  test("its nodes, and with each state why and until when", async () => {
    const proxy = await startProxy(bench.server.port);
    const client = bench.clientAt(proxy.port, { retryPolicy: () => 30 });
    const consumer = await client.pubsub({ channels: "a" });
    expect(consumer.nodes).toEqual([{ host: "127.0.0.1", port: proxy.port }]);
    const changes: unknown[] = [];
    consumer.on("state", (state, { previous, cause, retryIn }) => changes.push([state, previous, cause, retryIn]));
    void killSubscribers(bench.control);
    await eventually(() => expect(changes).toHaveLength(2));
    expect(changes).toEqual([
      ["reconnecting", "live", expect.objectContaining({ code: "CONNECTION" }), 30],
      ["live", "reconnecting", null, null],
    ]);
    await consumer.close();
    expect(changes.at(-1)).toEqual(["closed", "live", null, null]);
    expect(consumer.nodes).toEqual([]);
    await client.close();
    await proxy.stop();
  });

  test("and a first connection that fails is told by the client while it is tried", async () => {
    const client = bench.clientAt(1, { readyTimeout: 500, retryPolicy: () => 20 });
    const told: { readonly cause: unknown; readonly delay: number }[] = [];
    client.on("reconnecting", (info) => told.push(info));
    const opening = rejection(client.pubsub({ channels: "a" }));
    const code = bench.kind.startsWith("server") ? "CONNECTION" : "CLUSTER";
    await eventually(() => expect(told[0]).toMatchObject({ cause: { code }, delay: 20 }));
    expect(String(await opening)).toContain("127.0.0.1:1");
  });
});

test("what a call rejects with shows who called", async () => {
  const client = new Redis("redis://127.0.0.1:1", { readyTimeout: 50, commandTimeout: 50, retryPolicy: () => 10 });
  async function theCaller(): Promise<void> {
    await client.pubsub({ channels: "a" });
  }
  async function another(): Promise<void> {
    await client.call("PING");
  }
  expect(await rejection(theCaller())).toMatchObject({ stack: expect.stringContaining("theCaller") });
  expect(await rejection(another())).toMatchObject({ stack: expect.stringContaining("another") });
  const consumer = new PubSub(client, { codec: bytes as never });
  async function third(): Promise<void> {
    await consumer.subscribe("x");
  }
  const rejected = rejection(third());
  await consumer.close();
  expect(await rejected).toMatchObject({ code: "CLOSED" });
  await client.close();
});
