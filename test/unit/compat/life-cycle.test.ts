import { EventEmitter } from "node:events";
import { expect, test, vi } from "vitest";
import type { AnyClient } from "../../../src/compat/group.ts";
import { LifeCycle } from "../../../src/compat/life-cycle.ts";
import { ClusterError, TimeoutError } from "../../../src/errors.ts";

class FakeClient extends EventEmitter {
  state = "idle";
  readonly "~connections" = { kind: "server", defaults: { readyTimeout: 1000 } };
  readonly attempts: { resolve(): void; reject(error: Error): void }[] = [];

  connect(): Promise<void> {
    return new Promise((resolve, reject) => this.attempts.push({ resolve, reject }));
  }
}

class FakeConsumer extends EventEmitter {
  state = "connecting" as never;
}

function begin() {
  const client = new FakeClient();
  const told: string[] = [];
  const cycle = new LifeCycle(client as unknown as AnyClient, {
    connected: () => told.push("connected"),
    lost: (cause, delay) => told.push(`lost: ${cause.message}, ${delay}`),
    over: (cause) => told.push(`over: ${cause?.message}`),
  });
  return { client, told, cycle };
}

test("waits on where the client's call runs out of time, and is ready in a turn of its own", async () => {
  const { client, told, cycle } = begin();
  expect(cycle.status).toBe("wait");
  const started = cycle.start();
  client.attempts[0]?.reject(new TimeoutError("no connection yet"));
  await vi.waitFor(() => expect(client.attempts).toHaveLength(2));
  client.state = "live";
  client.attempts[1]?.resolve();
  await started;
  expect(told).toEqual(["connected"]);
  expect(cycle.status).toBe("ready");
});

test("waits on while a cluster serves nothing yet, and is over where its policy gave up", async () => {
  const { client, told, cycle } = begin();
  const started = cycle.start();
  client.attempts[0]?.reject(new ClusterError("The cluster has no node that serves slots."));
  await vi.waitFor(() => expect(client.attempts).toHaveLength(2));
  client.attempts[1]?.reject(new ClusterError("No node told what the cluster looks like."));
  await expect(started).rejects.toThrow("No node told");
  expect(told).toEqual(["over: No node told what the cluster looks like."]);
});

test("is over where the client refuses", async () => {
  const { client, told, cycle } = begin();
  const started = cycle.start();
  client.attempts[0]?.reject(new Error("WRONGPASS"));
  await expect(started).rejects.toThrow("WRONGPASS");
  expect(told).toEqual(["over: WRONGPASS"]);
  expect(cycle.status).toBe("end");
  expect(client.eventNames()).toEqual([]);
});

test("is ready while the client and all consumers are, and tells the innermost cause", async () => {
  const { client, told, cycle } = begin();
  client.state = "live";
  await cycle.start();
  const consumer = new FakeConsumer();
  cycle.watch(consumer as never);
  const cause = new Error("outer", { cause: new Error("inner") });
  consumer.emit("state", "reconnecting", { cause, retryIn: 7 });
  client.state = "reconnecting";
  client.emit("reconnecting", { delay: 9, cause: new Error("reset") });
  consumer.emit("state", "live", { cause: null, retryIn: null });
  expect(cycle.status).toBe("reconnecting");
  client.state = "live";
  client.emit("ready");
  expect(told).toEqual(["connected", "lost: inner, 7", "lost: reset, 9", "connected"]);
});

test("a first connection of a consumer that fails is told as its own", async () => {
  const { client, told, cycle } = begin();
  client.state = "live";
  await cycle.start();
  const consumer = new FakeConsumer();
  cycle.watch(consumer as never);
  client.emit("reconnecting", { delay: 5, cause: new Error("refused") });
  expect(cycle.status).toBe("reconnecting");
  consumer.emit("state", "live", { cause: null, retryIn: null });
  expect(told).toEqual(["connected", "lost: connect: refused, 5", "connected"]);
});

test("a consumer that fails, or a client that is closed, is the end; nothing is told after it", async () => {
  for (const end of ["failed", "closed"] as const) {
    const { client, told, cycle } = begin();
    client.state = "live";
    await cycle.start();
    const consumer = new FakeConsumer();
    cycle.watch(consumer as never);
    if (end === "failed") consumer.emit("state", "failed", { cause: new Error("no"), retryIn: null });
    else client.emit("close");
    expect(told.at(-1)).toBe(end === "failed" ? "over: no" : "over: undefined");
    const { length } = told;
    consumer.emit("state", "live", { cause: null, retryIn: null });
    client.emit("reconnecting", { delay: 1, cause: null });
    expect(told).toHaveLength(length);
  }
});
