import { type PubSub, Redis } from "tidings";
import { expect, test } from "vitest";
import { startFakeServer } from "../../support/fake-server.ts";
import { leftOver, message, nextItems, onTestingToo, receiveMany } from "./fixtures.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const forms: [string, (unwant: PubSub["unsubscribe"]) => Promise<void>][] = [
  ["several names", (unwant) => unwant("a", bytes("b"))],
  ["an array", (unwant) => unwant(["a", "b"])],
  ["a Set", (unwant) => unwant(new Set(["a", "b"]))],
  [
    "a generator",
    (unwant) =>
      unwant(
        (function* () {
          yield "a";
          yield bytes("b");
          yield "a";
        })(),
      ),
  ],
];

onTestingToo("unsubscribing", (bench) => {
  test.each(forms)("unsubscribe takes %s", async (_, unsubscribe) => {
    const consumer = await bench.consumer({ channels: ["a", "b", "c"], patterns: ["a", "b"] });
    await unsubscribe(consumer.unsubscribe.bind(consumer));
    expect([...consumer.channels.keys()]).toEqual(["c"]);
    await bench.truth({ channels: ["c"], patterns: ["a", "b"] });
  });

  test.runIf(bench.patterns).each(forms)("punsubscribe takes %s", async (_, punsubscribe) => {
    const consumer = await bench.consumer({ channels: ["a", "b"], patterns: ["a", "b", "c"] });
    await punsubscribe(consumer.punsubscribe.bind(consumer));
    expect([...consumer.patterns.keys()]).toEqual(["c"]);
    await bench.truth({ channels: ["a", "b"], patterns: ["c"] });
  });

  test.runIf(bench.patterns)("without an argument all of a kind go, while the other lives", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"], patterns: ["p*", "q*"] });
    await consumer.unsubscribe();
    await bench.truth({ patterns: ["p*", "q*"] });
    expect([consumer.channels.size, consumer.patterns.size]).toEqual([0, 2]);
    await bench.publish("pp", "1");
    expect((await receiveMany(consumer, 1)).map(({ data }) => data)).toEqual(["1"]);
    await consumer.subscribe("c");
    await consumer.punsubscribe();
    await bench.truth({ channels: ["c"] });
    await bench.publish("c", "2");
    expect(await receiveMany(consumer, 1)).toEqual([message("c", "2")]);
  });

  test("an empty iterable means none", async () => {
    const consumer = await bench.consumer({ channels: "a", patterns: "p*" });
    await nextItems(consumer, bench.patterns ? 2 : 1);
    await consumer.unsubscribe([]);
    if (bench.patterns) await consumer.punsubscribe(new Set<string>());
    expect(await leftOver(consumer)).toEqual([]);
    await bench.truth({ channels: ["a"], patterns: ["p*"] });
  });

  test.runIf(bench.kind === "server")("a name that is not wanted resolves, and nothing is sent", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, { protocol: bench.protocol });
    const consumer = await client.pubsub({ channels: "a" });
    await consumer.unsubscribe("b", "c");
    await consumer.unsubscribe(["b"]);
    await consumer.punsubscribe();
    await consumer.punsubscribe("p*");
    await consumer.unsubscribe("a");
    await consumer.unsubscribe("a");
    await consumer.unsubscribe();
    const sent = server.commands.filter(({ name }) => name.includes("UNSUBSCRIBE"));
    expect(sent.map(({ name, args }) => [name, ...args])).toEqual([["UNSUBSCRIBE", "a"]]);
    await consumer.close();
  });

  test("messages that arrive before the confirmation are delivered", async () => {
    const consumer = await bench.consumer({ channels: ["a", "b"], ignoreSubscribeMessages: true });
    await bench.publish("a", "1");
    await consumer.unsubscribe("a");
    expect(await bench.publish("a", "late")).toBe(0);
    await bench.publish("b", "2");
    expect(await receiveMany(consumer, 2)).toEqual([message("a", "1"), message("b", "2")]);
  });

  test.runIf(bench.kind === "server")(
    "a message the server sends between the unsubscribe and its confirmation is delivered",
    async () => {
      await using server = await startFakeServer({
        handlers: {
          UNSUBSCRIBE: ({ args }, connection) => {
            if (args.length > 0) server.publish("a", "last");
            connection.unsubscribe("", args);
            connection.push(["message", "a", "of nobody"]);
          },
        },
      });
      await using client = new Redis(server.url, { protocol: bench.protocol });
      const consumer = await client.pubsub({ channels: ["a", "b"] });
      await consumer.unsubscribe("a");
      server.publish("b", "1");
      expect(await receiveMany(consumer, 2)).toEqual([message("a", "last"), message("b", "1")]);
    },
  );

  test("unread messages stay readable", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (const payload of ["1", "2", "3"]) await bench.publish("a", payload);
    await consumer.unsubscribe();
    expect((await receiveMany(consumer, 3)).map(({ data }) => data)).toEqual(["1", "2", "3"]);
  });

  test("a name can come back", async () => {
    const consumer = await bench.consumer({ channels: "a", ignoreSubscribeMessages: true });
    for (let round = 0; round < 20; round++) {
      await consumer.unsubscribe("a");
      expect(await bench.publish("a", "unheard")).toBe(0);
      await consumer.subscribe("a");
      expect(await bench.publish("a", String(round))).toBe(1);
    }
    expect((await receiveMany(consumer, 20)).map(({ data }) => data)).toEqual(
      Array.from({ length: 20 }, (_, round) => String(round)),
    );
  });

  // The server of tidings/testing has no lists.
  test.runIf(bench.kind !== "testing")(
    "commands of the client work after a consumer has unsubscribed from everything",
    async () => {
      const client = bench.client();
      const consumer = await client.pubsub({ channels: "a" });
      await consumer.unsubscribe();
      await client.call("DEL", "list");
      await client.call("RPUSH", "list", "message", "a", "not pushed");
      expect(await client.call("LRANGE", "list", 0, -1)).toEqual(["message", "a", "not pushed"]);
      await consumer.subscribe("a");
      expect(await client.publish("a", "1")).toBe(1);
      expect(await receiveMany(consumer, 1)).toEqual([message("a", "1")]);
    },
  );
});
