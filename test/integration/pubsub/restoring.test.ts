import { ConnectionError, Redis, type State, TimeoutError } from "tidings";
import { describe, expect, test, vi } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { leftOver, message, nextItems, receiveMany, rejection } from "./fixtures.ts";

describe.each([3, 2] as const)("what a server does while subscriptions are restored, in RESP%i", (protocol) => {
  const quick = { protocol, retryPolicy: () => 1 } as const;

  test("a restoration that falls silent costs the connection, and the next one restores", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a", "b"], subscriptionTimeout: 50 });
    const states: State[] = [];
    consumer.on("state", (state) => states.push(state));
    const first = server.latest.id;
    server.handle("SUBSCRIBE", (command, connection) => {
      if (connection.id !== first + 1) server.respond(command, connection);
    });
    server.latest.reset();
    await eventually(() => expect(states).toEqual(["reconnecting", "live"]));
    expect(server.latest.id).toBeGreaterThan(first + 1);
    expect([...server.latest.subscriptions[""]]).toEqual(["a", "b"]);
    server.publish("b", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("b", "1")]);
  });

  test("a second loss in the middle of a restoration loses no name", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const names = ["a", "b", "c", "d"];
    const consumer = await client.pubsub({ channels: names, patterns: ["p*", "q*"] });
    const first = server.latest.id;
    server.handle("SUBSCRIBE", (command, connection) => {
      if (connection.id > first + 3) return server.respond(command, connection);
      connection.subscribe("", command.args.slice(0, connection.id - first));
      connection.end();
    });
    server.latest.reset();
    await eventually(() => expect(server.latest.id).toBe(first + 4));
    await eventually(() => expect(consumer.state).toBe("live"));
    expect([...server.latest.subscriptions[""]].sort()).toEqual(names);
    expect([...server.latest.subscriptions.p].sort()).toEqual(["p*", "q*"]);
    expect([...consumer.channels.keys(), ...consumer.patterns.keys()]).toEqual([...names, "p*", "q*"]);
  });

  test("what is unsubscribed while it is restored is gone in the end", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a", "b"], unsubscriptionTimeout: 10_000 });
    const first = server.latest.id;
    const unsubscribed: Promise<void>[] = [];
    server.handle("SUBSCRIBE", (command, connection) => {
      if (connection.id !== first) unsubscribed.push(consumer.unsubscribe("a"));
      server.respond(command, connection);
    });
    server.latest.reset();
    await eventually(() => expect(unsubscribed).toHaveLength(1));
    await Promise.all(unsubscribed);
    await eventually(() => expect([...server.latest.subscriptions[""]]).toEqual(["b"]));
    expect([...consumer.channels.keys()]).toEqual(["b"]);
  });

  test("a subscribe without a connection is bounded by readyTimeout, and says why", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, { ...quick, connectTimeout: 100, readyTimeout: 100 });
    const consumer = await client.pubsub({ channels: "a" });
    // Whoever connects from now on is hung up on.
    server.handle("HELLO", (_, connection) => connection.reset());
    server.handle("CLIENT", (_, connection) => connection.reset());
    server.latest.reset();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const error = await rejection(consumer.subscribe(["b"], { timeout: 10 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).cause).toBeInstanceOf(ConnectionError);
    expect([...consumer.channels.keys()]).toEqual(["a"]);
  });

  test("a server that is still loading is asked again until it is ready", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: "a" });
    let refusals = 0;
    server.handle("SUBSCRIBE", (command, connection) => {
      if (refusals++ < 3) connection.write("-LOADING Redis is loading the dataset in memory\r\n");
      else server.respond(command, connection);
    });
    server.latest.reset();
    await eventually(() => expect(refusals).toBe(4));
    await eventually(() => expect(consumer.state).toBe("live"));
    expect([consumer.denied.size, [...server.latest.subscriptions[""]]]).toEqual([0, ["a"]]);
  });

  test("a server that refuses for a while, for whatever reason, is asked again until it restores", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a", "b"] });
    const denied = vi.fn();
    consumer.on("denied", denied);
    const refusals = ["ERR upstream connect error, try again later", "NOAUTH not yet", "ODD words"];
    server.handle("SUBSCRIBE", (command, connection) => {
      const words = refusals.shift();
      if (words === undefined) server.respond(command, connection);
      else connection.write(`-${words}\r\n`);
    });
    server.latest.reset();
    await eventually(() => expect([refusals.length, consumer.state]).toEqual([0, "live"]));
    expect([consumer.denied.size, [...server.latest.subscriptions[""]]]).toEqual([0, ["a", "b"]]);
    expect(denied).not.toHaveBeenCalled();
  });

  test("a server that no longer knows the command is not asked again", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a", "b"] });
    server.handle("SUBSCRIBE", (_, connection) => connection.write("-ERR unknown command 'SUBSCRIBE'\r\n"));
    server.latest.reset();
    await eventually(() => expect([consumer.denied.size, consumer.state]).toEqual([2, "live"]));
    expect(server.accepted).toHaveLength(2);
  });

  test("a call that is refused rejects at once, whatever the reason", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a"] });
    server.handle("SUBSCRIBE", (_, connection) => connection.write("-ERR the plan has no room\r\n"));
    expect(await rejection(consumer.subscribe("b"))).toMatchObject({ code: "ERR", names: ["b"] });
    expect(await rejection(client.pubsub({ channels: ["c"] }))).toMatchObject({ code: "ERR", names: ["c"] });
    expect([consumer.state, [...consumer.channels.keys()]]).toEqual(["live", ["a"]]);
  });

  test("pushes that come as arrays are pushes, whatever was agreed", async () => {
    await using server = await startFakeServer();
    server.handle("HELLO", (command, connection) => {
      server.respond(command, connection);
      // What it writes from now on are RESP2's arrays.
      connection.protocol = 2;
    });
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a"], patterns: ["p*"], maxIdle: 20 });
    await nextItems(consumer, 2);
    server.publish("a", "1");
    server.publish("p1", "2");
    expect(await receiveMany(consumer, 2)).toMatchObject([{ data: "1" }, { data: "2" }]);
    await eventually(() => expect(server.received().filter((name) => name === "PING").length).toBeGreaterThan(4));
    await consumer.unsubscribe("a");
    expect([consumer.state, server.latest.subscribed, server.accepted.length]).toEqual(["live", 1, 1]);
  });

  test("pushes that mean nothing disturb nothing", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: "a" });
    await nextItems(consumer, 1);
    const connection = server.latest;
    if (protocol === 3) {
      connection.write(">0\r\n");
      connection.push(["invalidate", "key"]);
    }
    connection.push(["message", "of nobody", "x"]);
    connection.push(["unsubscribe", "of nobody", 1]);
    connection.push(["subscribe", "of nobody", 2]);
    server.publish("a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
    expect(await leftOver(consumer)).toEqual([]);
    await consumer.subscribe("b");
    expect([consumer.state, server.accepted.length]).toEqual(["live", 1]);
  });

  test("NOSUB to an unsubscribe is success", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const consumer = await client.pubsub({ channels: ["a", "b"], unsubscriptionTimeout: 10_000 });
    server.handle("UNSUBSCRIBE", (command, connection) => {
      for (const name of command.args) connection.subscriptions[""].delete(name);
      connection.write("-NOSUB 'unsubscribe' command executed not in subscribed mode\r\n");
    });
    await consumer.unsubscribe("a");
    expect([...consumer.channels.keys()]).toEqual(["b"]);
    await consumer.subscribe("c");
    server.publish("c", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("c", "1")]);
  });

  test("the handler that a failed subscribe restores waits for the one that ran meanwhile", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, quick);
    const log: string[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = await client.pubsub({ channelHandlers: { a: ({ data }) => log.push(`first ${data}`) } });
    server.handle("SUBSCRIBE", (_, connection) => {
      server.publish("a", "1");
      connection.write("-NOPERM no permissions to access one of the channels used as arguments\r\n");
    });
    const refused = consumer.subscribe("a", async ({ data }) => {
      log.push(`second ${data} begins`);
      await held;
      log.push(`second ${data} ends`);
    });
    expect(await rejection(refused)).toMatchObject({ code: "NOPERM" });
    server.handle("SUBSCRIBE", undefined);
    server.publish("a", "2");
    await consumer.subscribe("b");
    expect(log).toEqual(["second 1 begins"]);
    release();
    await eventually(() => expect(log).toEqual(["second 1 begins", "second 1 ends", "first 2"]));
  });
});
