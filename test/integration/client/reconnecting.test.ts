import { connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { ConnectionError, constantDelay, noRetry, Redis, type RedisOptions, TimeoutError } from "../../../src/index.ts";
import { killClient } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeHandler } from "../../support/fake-commands.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { startServer } from "../../support/redis-server.ts";
import { reasonOf, record } from "./outcome.ts";

const soon = constantDelay({ delay: 10 });

describe("a command that is lost in flight", () => {
  test.each(["end", "reset"] as const)("rejects and is never sent twice (%s)", async (mode) => {
    await using fake = await startFakeServer({
      handlers: {
        PUBLISH: (command, connection) => {
          if (connection.id === 0) connection[mode]();
          else fake.respond(command, connection);
        },
      },
    });
    await using client = new Redis(fake.url, { retryPolicy: soon });
    await client.connect();
    const outcomes = await Promise.all(["one", "two", "three"].map((data) => reasonOf(client.publish("a", data))));
    for (const reason of outcomes) {
      expect(reason).toBeInstanceOf(ConnectionError);
      expect(reason.message).toMatch(/PUBLISH.*may or may not/);
      expect(reason.message).not.toMatch(/one|two|three/);
    }
    expect(await client.publish("a", "four")).toBe(0);
    expect(fake.accepted).toHaveLength(2);
    const sent = fake.commands.filter(({ name }) => name === "PUBLISH").map(({ args }) => args[1]);
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent.at(-1)).toBe("four");
  });

  test("may be followed at once by another, which waits for the next connection", async () => {
    await using fake = await startFakeServer({
      handlers: {
        ECHO: (command, connection) => {
          if (connection.id === 0) connection.reset();
          else fake.respond(command, connection);
        },
      },
    });
    await using client = new Redis(fake.url, { retryPolicy: soon });
    await client.connect();
    const second = client.call("ECHO", "lost").catch(() => client.call("ECHO", "kept"));
    expect(await second).toBe("kept");
  });
});

describe("a command that finds no connection", () => {
  test("waits and is sent when there is one, in order", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url, { retryPolicy: soon });
    await client.connect();
    await server.shutdown();
    await eventually(() => expect(client.state).toBe("reconnecting"));
    const replies = Promise.all(["a", "b", "c"].map((value) => client.call("RPUSH", "list", value)));
    await server.start();
    expect(await replies).toEqual([1, 2, 3]);
    expect(await client.call("LRANGE", "list", 0, -1)).toEqual(["a", "b", "c"]);
    expect(client.state).toBe("live");
  });

  test("rejects with TimeoutError after commandTimeout, and is never sent", async () => {
    await using fake = await startFakeServer();
    const proxy = await startProxy(fake.port);
    await using client = new Redis({ host: proxy.host, port: proxy.port, commandTimeout: 200, retryPolicy: soon });
    await client.connect();
    proxy.refuse();
    proxy.cut();
    await eventually(() => expect(client.state).toBe("reconnecting"));
    const reason = await reasonOf(client.publish("a", "a-payload"));
    expect(reason).toBeInstanceOf(TimeoutError);
    expect(reason.message).toMatch(/PUBLISH was not sent.*200 ms/);
    expect(reason.message).not.toContain("a-payload");
    await proxy.heal();
    await eventually(async () => expect(await client.call("ECHO", "later")).toBe("later"));
    expect(fake.received()).not.toContain("PUBLISH");
    await client.close();
    await proxy.stop();
  });

  test("rejects with TimeoutError where there never was a server, and the client rests", async () => {
    await using client = new Redis("redis://127.0.0.1:1", { commandTimeout: 100, retryPolicy: soon });
    const reason = await reasonOf(client.call("PING"));
    expect(reason).toMatchObject({ code: "TIMEOUT", cause: { code: "CONNECTION" } });
    expect(client.state).toBe("idle");
  });
});

describe("a command that is not answered", () => {
  test("rejects with TimeoutError; the connection is destroyed and another takes its place", async () => {
    const silentAtFirst: FakeHandler = (command, connection) => {
      if (connection.id > 0) fake.respond(command, connection);
    };
    await using fake: FakeServer = await startFakeServer({ handlers: { ECHO: silentAtFirst, PUBLISH: silentAtFirst } });
    await using client = new Redis(fake.url, { commandTimeout: 200, retryPolicy: soon });
    await client.connect();
    const [first, behind] = await Promise.allSettled([client.call("ECHO", "one"), client.publish("a", "b")]);
    expect(first).toMatchObject({ status: "rejected", reason: expect.any(TimeoutError) });
    expect(behind).toMatchObject({ status: "rejected", reason: expect.any(ConnectionError) });
    await eventually(async () => expect(await client.call("ECHO", "two")).toBe("two"));
    expect(fake.accepted.length).toBeGreaterThanOrEqual(2);
    await fake.accepted[0]?.closed;
  });

  test("on a frozen server too", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url, { commandTimeout: 300, retryPolicy: soon });
    await client.connect();
    server.freeze();
    expect(await reasonOf(client.call("PING"))).toBeInstanceOf(TimeoutError);
    server.thaw();
    await eventually(async () => expect(await client.call("PING")).toBe("PONG"));
  });
});

describe("connecting", () => {
  test("takes no longer than readyTimeout, the handshake included, and leaves no socket", async () => {
    await using fake = await startFakeServer({ handlers: { HELLO: () => {} } });
    await using client = new Redis(fake.url, { connectTimeout: 200, readyTimeout: 200 });
    // A busy machine may not come to the handshake in that time.
    await eventually(async () => {
      expect(await reasonOf(client.connect())).toBeInstanceOf(TimeoutError);
      expect(fake.received()).toContain("HELLO");
    });
    await eventually(() => expect(fake.connections).toHaveLength(0));
    expect(client.state).toBe("idle");
  });

  test("asks the lookup at every attempt, and follows an address that changes", async () => {
    await using one = await startFakeServer();
    await using other = await startFakeServer();
    // The same port on another address leads to the other server.
    const forwarder = createServer((socket) => {
      const onward = connect(other.port, other.host);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on("error", () => to.destroy());
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve) => {
      forwarder.listen(one.port, "127.0.0.2", resolve);
    });
    const asked: string[] = [];
    let address = one.host;
    const lookup: RedisOptions["lookup"] = (host, options, callback) => {
      asked.push(host);
      if (options.all) callback(null, [{ address, family: 4 }]);
      else callback(null, address, 4);
    };
    await using client = new Redis({ host: "redis.example.org", port: one.port, lookup, retryPolicy: soon });
    expect(await client.call("ECHO", "first")).toBe("first");
    one.latest.reset();
    expect(await eventually(() => client.call("ECHO", "second"))).toBe("second");
    expect(one.accepted).toHaveLength(2);
    address = "127.0.0.2";
    one.latest.reset();
    expect(await eventually(() => client.call("ECHO", "third"))).toBe("third");
    expect(other.accepted).toHaveLength(1);
    expect(asked).toEqual(["redis.example.org", "redis.example.org", "redis.example.org"]);
    forwarder.close();
  });
});

describe("events", () => {
  test("come in order, and a lost link is never an error", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url, { retryPolicy: soon });
    const events = record(client);
    const causes: unknown[] = [];
    client.on("reconnecting", ({ cause, delay }) => causes.push(cause, delay));
    await client.connect();
    expect(events).toEqual(["connect", "ready"]);
    await killClient(server.control, Number(await client.call("CLIENT", "ID")));
    await eventually(() => expect(events).toEqual(["connect", "ready", "reconnecting", "connect", "ready"]));
    expect(causes).toEqual([expect.any(ConnectionError), 10]);
    expect(client.state).toBe("live");
    await client.close();
    expect(events).toEqual(["connect", "ready", "reconnecting", "connect", "ready", "close"]);
    expect(client.state).toBe("closed");
  });

  test("say so at each attempt that fails", async () => {
    await using client = new Redis("redis://127.0.0.1:1", { retryPolicy: soon, commandTimeout: 10_000 });
    const events = record(client);
    const command = reasonOf(client.call("PING"));
    await eventually(() => expect(events.length).toBeGreaterThanOrEqual(3));
    expect(new Set(events)).toEqual(new Set(["reconnecting"]));
    await client.close();
    expect(await command).toMatchObject({ code: "CLOSED" });
  });

  test("tell of a policy that gave up when nobody waited, and the next use tries again", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url, { retryPolicy: noRetry() });
    const errors: Error[] = [];
    client.on("error", (error) => errors.push(error));
    await killClient(server.control, Number(await client.call("CLIENT", "ID")));
    await eventually(() => expect(client.state).toBe("failed"));
    expect(errors).toEqual([expect.any(ConnectionError)]);
    expect(await client.call("PING")).toBe("PONG");
    expect(client.state).toBe("live");
  });

  test("without a listener for error do not end the process", async () => {
    await using server = await startServer();
    await using client = new Redis(server.url, { retryPolicy: noRetry() });
    await killClient(server.control, Number(await client.call("CLIENT", "ID")));
    await eventually(() => expect(client.state).toBe("failed"));
    expect(await client.call("PING")).toBe("PONG");
  });

  test("whose listener throws break nothing; the error surfaces as uncaught", async () => {
    const own = process.listeners("uncaughtException");
    const uncaught: unknown[] = [];
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      await using fake = await startFakeServer();
      await using client = new Redis(fake.url, { retryPolicy: soon });
      const thrown = new Error("a listener's own");
      for (const name of ["connect", "ready", "reconnecting"] as const) {
        client.on(name, () => {
          throw thrown;
        });
      }
      expect(await client.call("ECHO", "one")).toBe("one");
      fake.latest.reset();
      expect(await eventually(() => client.call("ECHO", "two"))).toBe("two");
      await eventually(() => expect(uncaught.length).toBeGreaterThanOrEqual(5));
      expect(new Set(uncaught)).toEqual(new Set([thrown]));
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of own) process.on("uncaughtException", listener);
    }
  });
});
