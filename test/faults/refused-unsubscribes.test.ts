import { constantDelay, Redis } from "tidings";
import { describe, expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";
import { nextData, QUICK, rejection } from "./fixtures.ts";

/** Refuses to unsubscribe outside of the subscribed mode, as Valkey 8.0.0 and 8.0.1 do. */
function refuseIdle(server: FakeServer): { readonly refused: string[] } {
  const refused: string[] = [];
  for (const name of ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"]) {
    server.handle(name, (command, connection) => {
      if (connection.subscribed > 0) {
        server.respond(command, connection);
        return;
      }
      refused.push(`${name} ${command.args.join(" ")}`.trim());
      connection.write(`-NOSUB '${name.toLowerCase()}' command executed not in subscribed mode\r\n`);
    });
  }
  return { refused };
}

// Row 29.
describe.each([3, 2] as const)("-NOSUB to an unsubscribe (RESP%i)", (protocol) => {
  const options = { protocol, retryPolicy: constantDelay({ delay: 10 }) };

  test("of a name that the server no longer had is success, and the connection goes on", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, options);
    const { refused } = refuseIdle(server);
    await using consumer = await client.pubsub({
      ...QUICK,
      channels: "a",
      patterns: "p*",
      unsubscriptionTimeout: 60_000,
      ignoreSubscribeMessages: true,
    });
    const states: string[] = [];
    consumer.on("state", (state) => states.push(state));
    // The server has forgotten them.
    for (const names of Object.values(server.latest.subscriptions)) names.clear();
    await deadline(Promise.all([consumer.unsubscribe("a"), consumer.punsubscribe("p*")]), 10_000, "the unsubscribes");
    expect(refused).toEqual(["UNSUBSCRIBE a", "PUNSUBSCRIBE p*"]);
    expect([consumer.channels.size, consumer.patterns.size]).toEqual([0, 0]);
    await consumer.subscribe("b");
    await eventually(() => expect(server.publish("b", "live")).toBe(1));
    expect(await nextData(consumer)).toBe("live");
    expect([server.accepted.length, states]).toEqual([1, []]);
  });

  test("keeps no connection from the pool: the next consumer has the same one", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, options);
    const { refused } = refuseIdle(server);
    for (const data of ["1", "2", "3"]) {
      const consumer = await client.pubsub({ ...QUICK, channels: "a", ignoreSubscribeMessages: true });
      server.publish("a", data);
      expect(await nextData(consumer)).toBe(data);
      await consumer.unsubscribe();
      await consumer.close();
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(server.accepted).toHaveLength(1);
  });

  test("that withdraws a subscribe in vain puts no later reply out of step", async () => {
    await using server = await startFakeServer();
    await using client = new Redis(server.url, options);
    await using consumer = await client.pubsub({ ...QUICK, ignoreSubscribeMessages: true });
    // A server so slow that the caller has given up when it denies the name.
    server.handle("SUBSCRIBE", () => {});
    server.handle("UNSUBSCRIBE", (_, connection) => {
      connection.write("-NOPERM No permissions to access one of the channels used as arguments\r\n");
      connection.write("-NOSUB 'unsubscribe' command executed not in subscribed mode\r\n");
    });
    expect(await rejection(consumer.subscribe(["secret"], { timeout: 20 }))).toMatchObject({ code: "TIMEOUT" });
    expect([consumer.channels.size, consumer.denied.size]).toEqual([0, 0]);
    server.handle("SUBSCRIBE", undefined);
    await consumer.subscribe("a");
    server.publish("a", "in step");
    expect(await nextData(consumer)).toBe("in step");
    expect([consumer.state, server.accepted.length]).toEqual(["live", 1]);
  });
});
