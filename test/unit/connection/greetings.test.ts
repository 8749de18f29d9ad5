import { describe, expect, test } from "vitest";
import { Connection } from "../../../src/connection/connection.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { array, bulk, error, integer, push, simple } from "../../support/resp-writer.ts";
import { dial, patient, settingsFor } from "./dial.ts";

const words = ["k1", "k2", "k3"];

describe("a frame that nothing had asked for, before all others", () => {
  test.each([
    ["a line", simple("OK")],
    ["a number", integer(1)],
    ["an array", array([bulk("hello")])],
    ["two frames", `${simple("hello")}${simple("OK")}`],
    ["a push", push([bulk("greeting"), bulk("hi")])],
  ])("shifts no reply: %s", async (_what, frame) => {
    await using server = await startFakeServer({ onConnection: (connection) => connection.write(frame) });
    await using connection = await dial(server.port);
    expect(connection.protocol).toBe(3);
    expect(await Promise.all(words.map((word) => connection.command(["ECHO", word])))).toEqual(words);
  });

  test("shifts none in RESP2", async () => {
    await using server = await startFakeServer({ onConnection: (connection) => connection.write(simple("OK")) });
    await using connection = await dial(server.port, {}, { protocol: 2, credentials: () => ({ password: "x" }) });
    expect(await Promise.all(words.map((word) => connection.command(["ECHO", word])))).toEqual(words);
  });

  test("that is an error shifts none either", async () => {
    await using server = await startFakeServer({ onConnection: (connection) => connection.write(error("ERR hello")) });
    const opened = await dial(server.port).catch((reason: unknown) => reason);
    if (!(opened instanceof Connection)) {
      expect(opened).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining(String(server.port)) });
      return;
    }
    expect(await Promise.all(words.map((word) => opened.command(["ECHO", word])))).toEqual(words);
    opened.destroy(new Error("the test is over"));
    await opened.gone;
  });

  test("that is no answer to HELLO, which is never answered otherwise, leaves RESP2", async () => {
    await using server = await startFakeServer({
      handlers: { HELLO: (_, connection) => connection.write(simple("OK")) },
    });
    await using connection = await dial(server.port);
    expect(connection.protocol).toBe(2);
    expect(await connection.command(["ECHO", "x"])).toBe("x");
  });
});

describe("a server that refuses PING its nonce", () => {
  test("and answers PONG is in step", async () => {
    await using server = await startFakeServer({
      handlers: { PING: (_, connection) => connection.write(simple("PONG")) },
    });
    await using connection = await dial(server.port);
    expect(await connection.command(["ECHO", "x"])).toBe("x");
  });

  test("and denies it is in step", async () => {
    await using server = await startFakeServer({
      handlers: { PING: (_, connection) => connection.write(error("NOPERM no permissions to run 'ping'")) },
    });
    await using connection = await dial(server.port);
    expect(await connection.command(["ECHO", "x"])).toBe("x");
  });
});

describe("what a server says before it hangs up", () => {
  test.each([
    "DENIED Redis is running in protected mode because protected mode is enabled and no password is set",
    "ERR max concurrent connections exceeded",
    "ERR max number of clients reached",
  ])("is why there is no connection: %s", async (message) => {
    await using server = await startFakeServer({
      onConnection: (connection) => {
        connection.write(error(message));
        connection.end();
      },
    });
    const opening = Connection.open(settingsFor(server.port), patient);
    await expect(opening).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`^(?=.*${message})(?=.*127\\.0\\.0\\.1:${server.port})`)),
    });
  });

  test("is why, where it answers and does not hang up", async () => {
    await using server = await startFakeServer({
      handlers: { HELLO: (_, connection) => connection.write(error("ERR try later")), CLIENT: () => {} },
    });
    const opening = Connection.open(settingsFor(server.port, { connectTimeout: 200, clientName: "me" }), patient);
    await expect(opening).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("ERR try later"),
      cause: { code: "ERR" },
    });
  });

  test.each([
    ["HELLO", '"protocol: 2"'],
    ["CLIENT", '"clientInfo: false"'],
  ])("is nothing: then the command that it hung up at is told, and how to do without: %s", async (name, option) => {
    await using server = await startFakeServer({ handlers: { [name]: (_, connection) => connection.end() } });
    const opening = Connection.open(settingsFor(server.port), patient);
    await expect(opening).rejects.toMatchObject({ code: "CONNECTION", message: expect.stringContaining(name) });
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining(option) });
  });
});

describe("credentials that were refused", () => {
  const refusing = (times: number) =>
    startFakeServer({
      handlers: {
        HELLO: (command, connection) => {
          if (connection.id < times) connection.write(error("WRONGPASS invalid username-password pair"));
          else server?.respond(command, connection);
        },
      },
    });
  let server: Awaited<ReturnType<typeof refusing>> | undefined;

  test("are asked for once more where they rotate", async () => {
    server = await refusing(1);
    await using _stopping = server;
    let asked = 0;
    const credentials = () => ({ username: "ann", password: `token-${++asked}` });
    await using _connection = await dial(server.port, {}, { credentials, rotates: true });
    expect(server.commands.filter(({ name }) => name === "HELLO").map(({ args }) => args[3])).toEqual([
      "token-1",
      "token-2",
    ]);
  });

  test("twice are refused for good", async () => {
    server = await refusing(2);
    await using _stopping = server;
    const opening = Connection.open(
      settingsFor(server.port, { credentials: () => ({ password: "old" }), rotates: true }),
      patient,
    );
    await expect(opening).rejects.toMatchObject({ code: "WRONGPASS" });
    expect(server.accepted).toHaveLength(2);
  });

  test("and are fixed are not tried again", async () => {
    server = await refusing(1);
    await using _stopping = server;
    const opening = Connection.open(settingsFor(server.port, { credentials: () => ({ password: "old" }) }), patient);
    await expect(opening).rejects.toMatchObject({
      code: "WRONGPASS",
      message: expect.stringContaining(`127.0.0.1:${server.port}`),
    });
    expect(server.accepted).toHaveLength(1);
  });
});
