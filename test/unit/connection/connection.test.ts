import { describe, expect, test } from "vitest";
import { Connection } from "../../../src/connection/connection.ts";
import { noPushes } from "../../../src/connection/pushes.ts";
import { ConnectionError, ProtocolError, ServerError, TimeoutError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { array, bulk, error, push } from "../../support/resp-writer.ts";
import { dial, patient, settingsFor } from "./dial.ts";

describe("replies", () => {
  test("settle the commands in their order, errors among them", async () => {
    await using server = await startFakeServer({
      handlers: { GET: (_, connection) => connection.write(error("WRONGTYPE not a string")) },
    });
    await using connection = await dial(server.port);
    const replies = await Promise.allSettled([
      connection.command(["ECHO", "one"]),
      connection.command(["get", "key"]),
      connection.command(["ECHO", Buffer.from([0xff, 0])], false),
    ]);
    expect(replies).toEqual([
      { status: "fulfilled", value: "one" },
      { status: "rejected", reason: expect.objectContaining({ code: "WRONGTYPE", command: "GET" }) },
      { status: "fulfilled", value: Buffer.from([0xff, 0]) },
    ]);
    expect(replies[1]).toMatchObject({ reason: expect.any(ServerError) });
  });

  test.each([2, 3] as const)("that look like messages reach their command (RESP%i)", async (protocol) => {
    await using server = await startFakeServer({
      handlers: { LRANGE: (_, connection) => connection.write(array(["message", "a", "b"].map(bulk))) },
    });
    await using connection = await dial(server.port, {}, { protocol });
    expect(await connection.command(["LRANGE", "list", 0, -1])).toEqual(["message", "a", "b"]);
  });

  test("a push between two of them belongs to none", async () => {
    await using server = await startFakeServer({
      handlers: {
        ECHO: (command, connection) => {
          connection.write(push([bulk("invalidate"), bulk("key")]));
          connection.push(["message", "news", Buffer.from("hi")]);
          server.respond(command, connection);
        },
      },
    });
    await using connection = await dial(server.port);
    const messages: string[] = [];
    connection.pushes = {
      ...noPushes,
      message: (channel, payload) => messages.push(`${channel.key()} ${payload.text()}`),
    };
    expect(await Promise.all(["a", "b"].map((word) => connection.command(["ECHO", word])))).toEqual(["a", "b"]);
    expect(messages).toEqual(["news hi", "news hi"]);
  });

  test("that nothing asked for destroy the connection", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    server.latest.write("+OK\r\n");
    await eventually(() => expect(connection.reason).toBeInstanceOf(ProtocolError));
  });

  test("that are no RESP destroy the connection and reject what waits", async () => {
    await using server = await startFakeServer({
      handlers: { ECHO: (_, connection) => connection.write("HTTP/1.1 400 Bad Request\r\n\r\n") },
    });
    await using connection = await dial(server.port);
    await expect(connection.command(["ECHO", "x"])).rejects.toBeInstanceOf(ProtocolError);
    expect(connection.reason).toBeInstanceOf(ProtocolError);
  });
});

describe("a connection that is lost", () => {
  test.each(["end", "reset"] as const)("rejects what is in flight and says why (%s)", async (mode) => {
    await using server = await startFakeServer({ handlers: { ECHO: (_, connection) => connection[mode]() } });
    await using connection = await dial(server.port);
    const told: unknown[] = [];
    connection.onClosed((reason) => told.push(reason));
    const lost = connection.command(["ECHO", "x"]);
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION", message: expect.stringContaining("ECHO") });
    await expect(lost).rejects.toMatchObject({ cause: connection.reason });
    expect(told).toEqual([connection.reason]);
    expect(connection.reason).toBeInstanceOf(ConnectionError);
    expect(connection.reason?.message).toContain(String(server.port));
    await expect(connection.command(["ECHO", "y"])).rejects.toBeInstanceOf(ConnectionError);
    expect(server.received().filter((name) => name === "ECHO")).toHaveLength(1);
    expect(server.accepted).toHaveLength(1);
  });

  test("tells a listener that comes late, and none that went", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    const told: string[] = [];
    connection.onClosed(() => told.push("went"))();
    connection.destroy(new Error("enough"));
    connection.onClosed(({ message }) => told.push(message));
    expect(told).toEqual([expect.stringContaining("127.0.0.1")]);
    expect(connection.reason?.cause).toMatchObject({ message: "enough" });
  });

  test("keeps its first reason", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    connection.destroy(new TimeoutError("first"));
    connection.destroy(new TimeoutError("second"));
    expect(connection.reason?.message).toBe("first");
  });

  test("hands out nothing of what it had received", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    const messages: string[] = [];
    connection.pushes = {
      ...noPushes,
      message: (_channel, payload) => {
        messages.push(payload.text());
        connection.destroy(new Error("enough"));
      },
    };
    server.latest.write(
      Buffer.concat(["one", "two", "three"].map((text) => push(["message", "news", text].map(bulk)))),
    );
    await eventually(() => expect(connection.reason).not.toBeNull());
    await connection.gone;
    expect(messages).toEqual(["one"]);
  });
});

describe("dialling", () => {
  test("rejects with why, when nobody listens", async () => {
    const server = await startFakeServer();
    await server.stop();
    await expect(Connection.open(settingsFor(server.port), patient)).rejects.toMatchObject({
      code: "CONNECTION",
      message: expect.stringContaining("ECONNREFUSED"),
      cause: expect.any(Error),
    });
  });

  test("takes no longer than connectTimeout, the handshake included, and leaves no socket", async () => {
    using resources = watchResources();
    await using server = await startFakeServer({ handlers: { HELLO: () => {} } });
    const opening = Connection.open(settingsFor(server.port, { connectTimeout: 100 }), patient);
    await expect(opening).rejects.toBeInstanceOf(TimeoutError);
    expect(server.received()).toEqual(["HELLO"]);
    await server.latest.closed;
    await resources.expectNone();
  });

  test("counts the time that the credentials take", async () => {
    await using server = await startFakeServer();
    const credentials = () => new Promise<never>(() => {});
    const opening = Connection.open(settingsFor(server.port, { connectTimeout: 50, credentials }), patient);
    await expect(opening).rejects.toBeInstanceOf(TimeoutError);
    expect(server.accepted).toHaveLength(0);
  });

  test("ends at once when it is no longer wanted", async () => {
    using resources = watchResources();
    await using server = await startFakeServer({ handlers: { HELLO: () => {} } });
    const controller = new AbortController();
    const opening = Connection.open(settingsFor(server.port), patient, controller.signal);
    await eventually(() => expect(server.received()).toEqual(["HELLO"]));
    controller.abort();
    await expect(opening).rejects.toBeInstanceOf(ConnectionError);
    await server.latest.closed;
    await expect(Connection.open(settingsFor(server.port), patient, controller.signal)).rejects.toThrow();
    expect(server.accepted).toHaveLength(1);
    await resources.expectNone();
  });

  test("leaves no listener on the signal that might have ended it", async () => {
    await using server = await startFakeServer();
    const controller = new AbortController();
    const connection = await Connection.open(settingsFor(server.port), patient, controller.signal);
    controller.abort();
    expect(connection.reason).toBeNull();
    connection.destroy(new Error("the test is over"));
  });
});

describe("what is sent", () => {
  test("in one tick goes out in one write, in order", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    const words = Array.from({ length: 1000 }, (_, i) => String(i));
    const replies: Promise<Reply>[] = words.map((word) => connection.command(["ECHO", word]));
    expect(await Promise.all(replies)).toEqual(words);
    expect(server.commands.filter(({ name }) => name === "ECHO").map(({ args }) => args[0])).toEqual(words);
  });

  test("may be large, and may be changed by the caller afterwards", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port);
    const blob = Buffer.alloc(300_000, "a");
    const text = "é".repeat(300_000);
    const replies = [connection.command(["ECHO", blob], false), connection.command(["ECHO", text])];
    blob.fill("b");
    // toEqual would compare it byte by byte.
    expect(Buffer.alloc(300_000, "a").equals((await replies[0]) as Buffer)).toBe(true);
    expect((await replies[1]) === text).toBe(true);
  });
});
