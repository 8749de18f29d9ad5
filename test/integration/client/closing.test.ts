import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClosedError, constantDelay, Redis } from "../../../src/index.ts";
import { clientList } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { baseline, expectBaseline } from "../../support/leaks.ts";
import { startProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { reasonOf, record } from "./outcome.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

/** Closes, within a time that is far below any timeout of the client's. */
function close(client: Redis): Promise<void> {
  return deadline(client.close(), 5000, "close()");
}

async function expectClosed(client: Redis): Promise<void> {
  expect(client.state).toBe("closed");
  expect(await reasonOf(client.connect())).toBeInstanceOf(ClosedError);
  expect(await reasonOf(client.call("PING"))).toBeInstanceOf(ClosedError);
  expect(await reasonOf(client.publish("a", "b"))).toBeInstanceOf(ClosedError);
  expect(await reasonOf(client.pubsubChannels())).toBeInstanceOf(ClosedError);
  expect(await reasonOf(client.pubsub({ channels: "a" }))).toBeInstanceOf(ClosedError);
}

describe("close() works", () => {
  test("before the first use", async () => {
    using resources = watchResources();
    const client = new Redis(server.url);
    await close(client);
    await expectClosed(client);
    await resources.expectNone();
  });

  test("on a live client, and leaves neither socket nor timer", async () => {
    using resources = watchResources();
    const before = baseline();
    const client = new Redis(server.url, { clientName: "to-close" });
    await client.connect();
    await close(client);
    await resources.expectNone();
    await expectBaseline(before);
    await expectClosed(client);
    await eventually(async () => {
      const left = (await clientList(server.control)).filter(({ name }) => name === "to-close");
      expect(left).toEqual([]);
    });
  });

  test("while it connects to a black hole", async () => {
    using resources = watchResources();
    await using proxy = await startProxy(server.port);
    proxy.hold();
    const client = new Redis({ host: proxy.host, port: proxy.port });
    const [connecting, command] = [reasonOf(client.connect()), reasonOf(client.call("PING"))];
    const opening = reasonOf(client.pubsub({ channels: "a" }));
    await eventually(() => expect(proxy.accepted.length).toBeGreaterThanOrEqual(2));
    await close(client);
    for (const reason of await Promise.all([connecting, command, opening])) {
      expect(reason).toBeInstanceOf(ClosedError);
    }
    await resources.expectNone();
    await expectClosed(client);
  });

  test("while it shakes hands", async () => {
    using resources = watchResources();
    await using fake = await startFakeServer({ handlers: { HELLO: () => {} } });
    const client = new Redis(fake.url);
    const connecting = reasonOf(client.connect());
    await eventually(() => expect(fake.received()).toEqual(["HELLO"]));
    await close(client);
    expect(await connecting).toBeInstanceOf(ClosedError);
    await resources.expectNone();
  });

  test("while it backs off", async () => {
    using resources = watchResources();
    const client = new Redis("redis://127.0.0.1:1", { retryPolicy: constantDelay({ delay: 60_000 }) });
    const events = record(client);
    const command = reasonOf(client.call("PING"));
    await eventually(() => expect(events).toEqual(["reconnecting"]));
    await close(client);
    expect(await command).toBeInstanceOf(ClosedError);
    await resources.expectNone();
    expect(events).toEqual(["reconnecting", "close"]);
  });

  test("after a login was refused", async () => {
    using resources = watchResources();
    const client = new Redis(`redis://ann:wrong@127.0.0.1:${server.port}`);
    expect(await reasonOf(client.connect())).toMatchObject({ code: "WRONGPASS" });
    await close(client);
    await expectClosed(client);
    await resources.expectNone();
  });

  test("while the credentials are awaited", async () => {
    using resources = watchResources();
    const client = new Redis(server.url, { credentials: () => new Promise(() => {}) });
    const connecting = reasonOf(client.connect());
    await close(client);
    expect(await connecting).toBeInstanceOf(ClosedError);
    await resources.expectNone();
  });

  test("on a server that hangs", async () => {
    using resources = watchResources();
    await using fake = await startFakeServer({ handlers: { ECHO: () => {} } });
    const client = new Redis(fake.url);
    await client.connect();
    fake.handle("PING", () => {});
    const command = reasonOf(client.call("ECHO", "x"));
    await eventually(() => expect(fake.received()).toContain("ECHO"));
    await close(client);
    expect(await command).toBeInstanceOf(ClosedError);
    await resources.expectNone();
  });
});

describe("close()", () => {
  test("is one promise, however often it is called", async () => {
    const client = new Redis(server.url);
    const events = record(client);
    await client.connect();
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await closing;
    await client.close();
    await client[Symbol.asyncDispose]();
    expect(events.filter((name) => name === "close")).toHaveLength(1);
  });

  test("closes the consumers first", async () => {
    using resources = watchResources();
    const client = new Redis(server.url);
    const order: string[] = [];
    client.on("close", () => order.push("client"));
    const consumers = await Promise.all([client.pubsub({ channels: "a" }), client.pubsub({ patterns: "b*" })]);
    for (const consumer of consumers) consumer.on("close", () => order.push("consumer"));
    const loop = (async () => {
      for await (const _message of consumers[0]);
    })();
    await close(client);
    await loop;
    expect(order).toEqual(["consumer", "consumer", "client"]);
    expect(consumers.map(({ state }) => state)).toEqual(["closed", "closed"]);
    await resources.expectNone();
  });

  test("lets commands that were sent have their replies", async () => {
    const client = new Redis(server.url);
    await client.connect();
    const replies = Promise.all(Array.from({ length: 100 }, (_, index) => client.call("ECHO", index)));
    const closing = close(client);
    expect((await replies).at(-1)).toBe("99");
    await closing;
  });

  test("rejects commands that wait for a connection", async () => {
    const client = new Redis("redis://127.0.0.1:1");
    const commands = ["a", "b"].map((data) => reasonOf(client.publish("x", data)));
    await close(client);
    for (const reason of await Promise.all(commands)) expect(reason).toBeInstanceOf(ClosedError);
  });

  test("takes no command from then on, while consumers are still closing", async () => {
    await using fake = await startFakeServer({ handlers: { UNSUBSCRIBE: () => {} } });
    const client = new Redis(fake.url);
    await client.pubsub({ channels: "a" });
    await client.connect();
    const closing = close(client);
    expect(await reasonOf(client.publish("a", "too late"))).toBeInstanceOf(ClosedError);
    await closing;
    expect(fake.received()).not.toContain("PUBLISH");
  });

  test("comes with the end of the block", async () => {
    let client: Redis;
    {
      await using inner = new Redis(server.url);
      client = inner;
      expect(await client.call("PING")).toBe("PONG");
    }
    expect(client.state).toBe("closed");
  });

  test("called by a listener closes all the same", async () => {
    using resources = watchResources();
    const client = new Redis("redis://127.0.0.1:1", { retryPolicy: constantDelay({ delay: 1 }) });
    const closed = new Promise<void>((resolve) => {
      client.once("close", resolve);
    });
    client.once("reconnecting", () => void client.close());
    expect(await reasonOf(client.connect())).toBeInstanceOf(ClosedError);
    await closed;
    await resources.expectNone();
  });
});

describe("a signal", () => {
  test("closes the client when it is aborted", async () => {
    using resources = watchResources();
    const controller = new AbortController();
    const client = new Redis(server.url, { signal: controller.signal });
    const consumer = await client.pubsub({ channels: "a" });
    const closed = new Promise<void>((resolve) => {
      client.once("close", resolve);
    });
    controller.abort();
    await closed;
    expect(consumer.state).toBe("closed");
    await expectClosed(client);
    await resources.expectNone();
  });

  test("that is aborted already closes it at once", async () => {
    const client = new Redis(server.url, { signal: AbortSignal.abort() });
    const closed = new Promise<void>((resolve) => {
      client.once("close", resolve);
    });
    await expectClosed(client);
    await closed;
  });

  test("is left alone by a client that was closed", async () => {
    const controller = new AbortController();
    const added: string[] = [];
    const { signal } = controller;
    for (const method of ["addEventListener", "removeEventListener"] as const) {
      const original = signal[method].bind(signal) as (...args: unknown[]) => void;
      Object.defineProperty(signal, method, {
        value: (...args: unknown[]) => {
          added.push(method);
          original(...args);
        },
      });
    }
    const client = new Redis(server.url, { signal });
    await client.connect();
    await close(client);
    expect(added.filter((method) => method === "addEventListener")).toHaveLength(1);
    expect(added).toContain("removeEventListener");
    controller.abort();
    expect(client.state).toBe("closed");
  });
});

test("a hundred clients leave nothing behind", async () => {
  using resources = watchResources();
  for (let round = 0; round < 100; round++) {
    await using client = new Redis(server.url);
    await using _consumer = await client.pubsub({ channels: "a" });
    expect(await client.publish("a", "b")).toBe(1);
  }
  await resources.expectNone();
});
