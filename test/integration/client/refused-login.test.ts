import { describe, expect, test, vi } from "vitest";
import { constantDelay, Redis, ServerError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { startServer } from "../../support/redis-server.ts";
import { error } from "../../support/resp-writer.ts";
import { reasonOf, record } from "./outcome.ts";

const soon = constantDelay({ delay: 5 });

describe.each([2, 3] as const)("a login that the server refuses (RESP%i)", (protocol) => {
  test("rejects connect() and every command, and no other attempt is made", async () => {
    await using server = await startServer({ users: { ann: "on >tiger ~* &* +@all" } });
    await using proxy = await startProxy(server.port);
    const url = `redis://ann:wrong@${proxy.host}:${proxy.port}`;
    const retryPolicy = vi.fn(soon);
    await using client = new Redis(url, { protocol, retryPolicy });
    const reasons = await Promise.all([
      reasonOf(client.connect()),
      reasonOf(client.call("PING")),
      reasonOf(client.publish("a", "b")),
      reasonOf(client.pubsubNumpat()),
    ]);
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(ServerError);
      expect(reason).toMatchObject({ code: "WRONGPASS", command: protocol === 3 ? "HELLO" : "AUTH" });
    }
    expect(client.state).toBe("failed");
    expect(proxy.accepted).toHaveLength(1);
    expect(retryPolicy).not.toHaveBeenCalled();
  });

  test("is tried again at the next use", async () => {
    await using server = await startServer({ users: { ann: "on >tiger ~* &* +@all" } });
    await using client = new Redis(`redis://ann:later@127.0.0.1:${server.port}`, { protocol, retryPolicy: soon });
    expect(await reasonOf(client.connect())).toMatchObject({ code: "WRONGPASS" });
    expect(await reasonOf(client.call("PING"))).toMatchObject({ code: "WRONGPASS" });
    await server.control.command("ACL", "SETUSER", "ann", ">later");
    expect(await client.call("ACL", "WHOAMI")).toBe("ann");
    expect(client.state).toBe("live");
  });

  test("for want of a password is NOAUTH", async () => {
    await using server = await startServer({ password: "hunter2" });
    await using proxy = await startProxy(server.port);
    await using client = new Redis({ host: proxy.host, port: proxy.port, protocol, retryPolicy: soon });
    expect(await reasonOf(client.connect())).toMatchObject({ code: "NOAUTH" });
    expect(client.state).toBe("failed");
    expect(proxy.accepted).toHaveLength(1);
  });

  test("later, when the password was changed under a live client, is reported once", async () => {
    await using server = await startServer({ password: "hunter2" });
    await using proxy = await startProxy(server.port);
    const url = `redis://:hunter2@${proxy.host}:${proxy.port}`;
    await using client = new Redis(url, { protocol, retryPolicy: soon });
    const events = record(client);
    const errors: Error[] = [];
    client.on("error", (reason) => errors.push(reason));
    await client.connect();
    await server.control.command("CONFIG", "SET", "requirepass", "changed");
    proxy.cut();
    await eventually(() => expect(client.state).toBe("failed"));
    expect(events).toEqual(["connect", "ready", "reconnecting", "error"]);
    expect(errors).toEqual([expect.objectContaining({ code: "WRONGPASS" })]);
    expect(proxy.accepted).toHaveLength(2);
    expect(await reasonOf(client.publish("a", "b"))).toMatchObject({ code: "WRONGPASS" });
    expect(proxy.accepted).toHaveLength(3);
  });
});

test("where somebody waits and is told, there is no error event as well", async () => {
  await using server = await startServer({ password: "hunter2" });
  await using client = new Redis(`redis://:wrong@127.0.0.1:${server.port}`);
  const events = record(client);
  expect(await reasonOf(client.connect())).toMatchObject({ code: "WRONGPASS" });
  expect(events).toEqual([]);
});

test("a consumer of a client with a wrong password cannot be opened, and the client remains usable", async () => {
  await using server = await startServer({ users: { ann: "on >tiger ~* &* +@all" } });
  await using proxy = await startProxy(server.port);
  await using client = new Redis(`redis://ann:later@${proxy.host}:${proxy.port}`, { retryPolicy: soon });
  expect(await reasonOf(client.pubsub({ channels: "a" }))).toMatchObject({ code: "WRONGPASS" });
  expect(proxy.accepted).toHaveLength(1);
  await server.control.command("ACL", "SETUSER", "ann", ">later");
  await using consumer = await client.pubsub({ channels: "a" });
  expect(consumer.state).toBe("live");
});

test("AUTH that an old server refuses in its own words is final too", async () => {
  await using fake = await startFakeServer({
    handlers: {
      HELLO: (_, connection) => connection.write(error("ERR unknown command 'HELLO'")),
      AUTH: (_, connection) => connection.write(error("ERR invalid password")),
    },
  });
  await using client = new Redis(`redis://:wrong@${fake.host}:${fake.port}`, { retryPolicy: soon });
  expect(await reasonOf(client.connect())).toMatchObject({ code: "ERR", command: "AUTH" });
  expect(client.state).toBe("failed");
  expect(fake.accepted).toHaveLength(1);
});
