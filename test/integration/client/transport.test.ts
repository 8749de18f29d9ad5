import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noRetry, Redis } from "../../../src/index.ts";
import { clientList } from "../../support/clients.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { lacks } from "../../support/server-features.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { reasonOf } from "./outcome.ts";

const infoTest = test.skipIf(lacks("clientInfo"));

let server: RedisServer;

beforeAll(async () => {
  server = await startServer({
    users: { ann: "on >p@ss:/?# ~* &* +@all" },
    config: ["databases 4"],
  });
});

afterAll(() => server.stop());

describe("a client reaches the server", () => {
  test.each<[string, () => Redis]>([
    ["by a URL", () => new Redis(server.url)],
    ["by a URL object", () => new Redis(new URL(server.url))],
    ["by valkey://", () => new Redis(`valkey://127.0.0.1:${server.port}`)],
    ["by host and port", () => new Redis({ host: "127.0.0.1", port: server.port })],
    ["by a name", () => new Redis({ host: "localhost", port: server.port })],
    ["by a port that corrects the URL's", () => new Redis("redis://127.0.0.1:1", { port: server.port })],
    ["by a unix socket's URL", () => new Redis(`unix://${server.socketPath}`)],
    ["by a unix socket's path", () => new Redis({ path: server.socketPath })],
  ])("%s", async (_how, create) => {
    await using client = create();
    expect(await client.connect()).toBe(client);
    expect(client.state).toBe("live");
    expect(await client.call("PING")).toBe("PONG");
  });

  test("and its consumers take the same way", async () => {
    await using client = new Redis(`unix://${server.socketPath}`);
    await using consumer = await client.pubsub({ channels: "by-socket", ignoreSubscribeMessages: true });
    expect(await client.publish("by-socket", "hello")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "by-socket", data: "hello" });
  });

  test("as an ACL user of the URL, percent-encoded", async () => {
    const secret = encodeURIComponent("p@ss:/?#");
    await using client = new Redis(`redis://ann:${secret}@127.0.0.1:${server.port}/3`);
    expect(await client.call("ACL", "WHOAMI")).toBe("ann");
  });

  infoTest("as an ACL user of a unix socket's URL", async () => {
    const secret = encodeURIComponent("p@ss:/?#");
    await using client = new Redis(`unix://ann:${secret}@${server.socketPath}?db=2`);
    expect(await client.call("ACL", "WHOAMI")).toBe("ann");
    expect(String(await client.call("CLIENT", "INFO"))).toContain(" db=2 ");
  });

  infoTest.each<[string, () => Redis]>([
    ["of the URL", () => new Redis(`${server.url}/3`)],
    ["of a unix socket's URL", () => new Redis(`unix://${server.socketPath}?db=3`)],
    ["of the options", () => new Redis(server.url, { db: 3 })],
    ["of the options before the URL's", () => new Redis(`${server.url}/2`, { db: 3 })],
    ["in RESP2", () => new Redis(server.url, { db: 3, protocol: 2 })],
  ])("in the database %s", async (_where, create) => {
    await using client = create();
    expect(String(await client.call("CLIENT", "INFO"))).toContain(" db=3 ");
  });

  test("without waiting for connect()", async () => {
    await using client = new Redis(server.url);
    expect(client.state).toBe("idle");
    const pong = client.call("PING");
    expect(client.state).toBe("connecting");
    expect(await pong).toBe("PONG");
    expect(client.state).toBe("live");
  });

  test("by one connection, however often it is asked to connect", async () => {
    await using client = new Redis(server.url, { clientName: "just-one" });
    await Promise.all([client.connect(), client.call("PING"), client.connect()]);
    await client.connect();
    const own = (await clientList(server.control)).filter(({ name }) => name === "just-one");
    expect(own).toHaveLength(1);
  });
});

describe("a server that cannot be reached", () => {
  test("is named in the error, by host and port", async () => {
    await using client = new Redis("redis://127.0.0.1:1", { retryPolicy: noRetry() });
    const reason = await reasonOf(client.connect());
    expect(reason).toMatchObject({ code: "CONNECTION", message: expect.stringContaining("127.0.0.1:1 ") });
    expect(reason.message).toContain("ECONNREFUSED");
    expect(client.state).toBe("failed");
  });

  test("is named in the error, by path", async () => {
    const path = `${temporaryDirectory()}/none`;
    await using client = new Redis({ path, retryPolicy: noRetry() });
    const reason = await reasonOf(client.call("PING"));
    expect(reason).toMatchObject({ code: "CONNECTION", message: expect.stringContaining(path) });
    expect(reason.message).toContain("ENOENT");
  });

  test("is tried again until readyTimeout; then the last reason is the cause", async () => {
    await using client = new Redis("redis://127.0.0.1:1", { connectTimeout: 300, readyTimeout: 300 });
    const reason = await reasonOf(client.connect());
    expect(reason).toMatchObject({ code: "TIMEOUT", cause: { code: "CONNECTION" } });
    expect(reason.message).toContain("ECONNREFUSED");
    expect(client.state).toBe("idle");
  });
});
