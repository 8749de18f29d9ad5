import type { LookupFunction } from "node:net";
import { expect, test } from "vitest";
import { Connection } from "../../../src/connection/connection.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { dial, patient, settingsFor } from "./dial.ts";

/** A lookup that answers every question in its one way, as from JavaScript. */
const answering = (...answer: unknown[]): LookupFunction =>
  ((_hostname: string, _options: unknown, callback: (...args: unknown[]) => void) =>
    callback(null, ...answer)) as LookupFunction;

test.each<[string, LookupFunction]>([
  ["one address, with its family", answering("127.0.0.1", 4)],
  ["one address alone", answering("127.0.0.1")],
  ["a list of addresses with families", answering([{ address: "127.0.0.1", family: 4 }])],
  ["a list of texts", answering(["127.0.0.1"])],
  ["one object", answering({ address: "127.0.0.1", family: 4 })],
])("a lookup may answer with %s", async (_what, lookup) => {
  await using server = await startFakeServer();
  const endpoint = { host: "redis.example", port: server.port };
  await using connection = await dial(server.port, {}, { endpoint, lookup });
  expect(await connection.command(["ECHO", "x"])).toBe("x");
});

test.each<[string, LookupFunction]>([
  ["nothing", answering()],
  ["no address", answering([])],
  ["what is no address", answering("redis.example", 4)],
])("a lookup that answers with %s is named as the reason", async (_what, lookup) => {
  const settings = settingsFor(1, { endpoint: { host: "redis.example", port: 1 }, lookup });
  await expect(Connection.open(settings, patient)).rejects.toMatchObject({
    code: "CONNECTION",
    message: expect.stringMatching(/redis\.example:1 failed: The lookup function gave no address/),
    cause: { message: expect.stringContaining("lookup") },
  });
});

test("host names are resolved to the kind of addresses that is asked for", async () => {
  const asked: unknown[] = [];
  const lookup: LookupFunction = (_hostname, options, callback) => {
    asked.push(options.family);
    callback(null, [{ address: "127.0.0.1", family: 4 }]);
  };
  await using server = await startFakeServer();
  const endpoint = { host: "redis.example", port: server.port };
  await using _connection = await dial(server.port, {}, { endpoint, lookup, family: 4 });
  expect(asked).toEqual([4]);
});
