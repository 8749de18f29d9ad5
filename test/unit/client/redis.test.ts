import { describe, expect, test, vi } from "vitest";
import { RedisCluster } from "../../../src/client/cluster/redis-cluster.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { Redis } from "../../../src/client/redis.ts";
import { bytes, json } from "../../../src/codec.ts";
import { constantDelay, noRetry } from "../../../src/core/backoff.ts";
import { ArgumentError, ClosedError } from "../../../src/errors.ts";

/** No name leads anywhere, so that no socket is opened. */
const nowhere = ((_host: string, _options: unknown, callback: (error: Error) => void) =>
  process.nextTick(callback, new Error("no such host"))) as never;

const makers: Readonly<Record<string, (options?: ClientOptions) => Redis>> = {
  Redis: (options: ClientOptions = {}) => new Redis({ host: "host", lookup: nowhere, ...options }),
  RedisCluster: (options: ClientOptions = {}) => {
    return new RedisCluster({ seeds: [{ host: "host", port: 1 }], lookup: nowhere, ...options }) as unknown as Redis;
  },
};
const soon = { retryPolicy: constantDelay({ delay: 1 }), readyTimeout: 50, commandTimeout: 50 };

describe.each(Object.entries(makers))("%s", (_name, make) => {
  test("is idle until it is used, and again when nothing waits for a connection that was never made", async () => {
    const client = make(soon);
    expect(client.state).toBe("idle");
    const connecting = client.connect();
    expect(client.state).toBe("connecting");
    await expect(connecting).rejects.toThrow("no such host");
    await client.close();
    expect(client.state).toBe("closed");
  });

  test("tells each failed attempt with its cause", async () => {
    const client = make(soon);
    const causes: string[] = [];
    client.on("reconnecting", ({ cause, delay }) => causes.push(`${delay}: ${(cause as Error).message}`));
    await client.connect().catch(() => {});
    expect(causes.length).toBeGreaterThan(0);
    expect(causes[0]).toMatch(/^\d+: /);
    await client.close();
  });

  test("rejects commands that found no connection in their time", async () => {
    const client = make(soon);
    await expect(client.publish("a", "b")).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect(client.call("GET", "key")).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect(client.pubsubNumsub("a")).rejects.toThrow();
    await client.close();
  });

  test("fails where the policy gives up: the call is told, or else the listener", async () => {
    const client = make({ retryPolicy: noRetry() });
    const errors: Error[] = [];
    client.on("error", (error) => errors.push(error));
    await expect(client.connect()).rejects.toThrow();
    await client.close();
  });

  test("refuses what is no name, no payload of its codec, no command", async () => {
    const client = make({ codec: json() } as never);
    await expect(client.publish(7 as never, "a")).rejects.toThrow(ArgumentError);
    await expect(client.publish("a", undefined as never)).rejects.toThrow(/codec cannot encode/);
    await expect(client.spublish(null as never, "a")).rejects.toThrow(ArgumentError);
    await expect(client.pubsubChannels(7 as never)).rejects.toThrow(ArgumentError);
    await expect(client.pubsubNumsub("a", 7 as never)).rejects.toThrow(ArgumentError);
    await expect(client.call("SUBSCRIBE", "a")).rejects.toThrow(/consumer/);
    await expect(client.callBuffer("MULTI")).rejects.toThrow(/transaction/);
    await client.close();
  });

  test("closes its consumers, once, and tells it", async () => {
    const client = make(soon);
    const closed = vi.fn();
    client.on("close", closed);
    const opening = client.pubsub();
    const short = client.subscribe("a");
    expect(client.stats().consumers).toBe(2);
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await Promise.all([expect(opening).rejects.toThrow(ClosedError), expect(short).rejects.toThrow(ClosedError)]);
    await closing;
    expect(closed).toHaveBeenCalledTimes(1);
    expect(client.stats().consumers).toBe(0);
    await expect(client.pubsub()).rejects.toThrow("The client is closed.");
    await expect(client.publish("a", "b")).rejects.toThrow(ClosedError);
    await expect(client.connect()).rejects.toThrow(ClosedError);
    await client.drain();
  });

  test("closes by its signal, also by one that is aborted already", async () => {
    const controller = new AbortController();
    const client = make({ signal: controller.signal });
    controller.abort();
    await vi.waitFor(() => expect(client.state).toBe("closed"));
    await vi.waitFor(() => expect(make({ signal: AbortSignal.abort() }).state).toBe("closed"));
  });

  test("closes by await using", async () => {
    const client = make();
    await client[Symbol.asyncDispose]();
    expect(client.state).toBe("closed");
  });

  test("a drain closes, however its consumers stand", async () => {
    const client = make(soon);
    const opening = client.pubsub().catch((error: Error) => error);
    await client.drain({ timeout: 20 });
    expect(client.state).toBe("closed");
    expect(await opening).toBeInstanceOf(Error);
  });

  test("consumers take its codec and names, unless they have their own", async () => {
    const client = make({ ...soon, codec: bytes, names: "bytes" } as never);
    const rejected = client.pubsub({ codec: { decode: 1 } } as never);
    await expect(rejected).rejects.toThrow(/codec/);
    await expect(client.subscribe("a", { overflow: 1 } as never)).rejects.toThrow(ArgumentError);
    await expect(client.ssubscribe([] as never)).rejects.toThrow(ArgumentError);
    await client.close();
  });
});

test("a single server has no replicas to read from, and a cluster no database", async () => {
  await expect(new Redis().pubsub({ readFromReplicas: true })).rejects.toThrow(/RedisCluster/);
  expect(() => new RedisCluster({ seeds: [{ host: "a", port: 1 }], db: 1 } as never)).toThrow(/"db"/);
  expect(() => new Redis({ hsot: "a" } as never)).toThrow(/Did you mean "host"/);
});
