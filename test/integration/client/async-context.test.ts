import { AsyncLocalStorage } from "node:async_hooks";
import { Redis } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";

const request = new AsyncLocalStorage<string>();

test("what a client asks its options, and its events, run in no context, whichever request uses it first", async () => {
  await using server = await startFakeServer();
  const seen = new Map<string, string | undefined>();
  const note = (what: string) => seen.set(what, request.getStore() ?? seen.get(what));
  await using client = new Redis({
    host: "redis.example",
    port: Number(new URL(server.url).port),
    credentials: () => {
      note("credentials");
      return {};
    },
    lookup: (_hostname, _options, callback) => {
      note("lookup");
      callback(null, [{ address: "127.0.0.1", family: 4 }]);
    },
    retryPolicy: () => {
      note("policy");
      return 1;
    },
  });
  for (const event of ["connect", "ready", "reconnecting", "close"] as const) client.on(event, () => note(event));
  await request.run("first", async () => {
    await client.publish("a", "x");
    for (const connection of server.connections) connection.reset();
    await eventually(() => expect([...seen.keys()]).toContain("reconnecting"));
    await client.publish("a", "x");
    await client.close();
  });
  expect([...seen].sort()).toEqual(
    ["close", "connect", "credentials", "lookup", "policy", "ready", "reconnecting"].map((what) => [what, undefined]),
  );
});
