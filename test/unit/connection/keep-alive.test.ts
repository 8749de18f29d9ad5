import { describe, expect, test } from "vitest";
import { ConnectionError, ProtocolError, TimeoutError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { error, simple } from "../../support/resp-writer.ts";
import { dial } from "./dial.ts";

const impatient = { maxIdle: 30, replyTimeout: 5000 };

/** What came with PINGs after that of the handshake. */
function nonces(server: FakeServer): string[] {
  const pings = server.commands.filter(({ name }) => name === "PING").map(({ args }) => args.join(" "));
  return pings.slice(1);
}

describe("an idle connection", () => {
  test("is sent PINGs, each with a nonce of its own, and lives while they are answered", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, impatient);
    await eventually(() => expect(nonces(server).length).toBeGreaterThanOrEqual(3));
    const seen = nonces(server);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).not.toContain("");
    expect(connection.reason).toBeNull();
  });

  test("is sent none while it is not idle for long enough", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, { maxIdle: 30_000 });
    for (let i = 0; i < 100; i++) await connection.command(["ECHO", "x"]);
    expect(nonces(server)).toEqual([]);
  });

  test("lives while PINGs are answered without their nonce", async () => {
    await using server = await startFakeServer({
      handlers: { PING: (_, connection) => connection.write(simple("PONG")) },
    });
    await using connection = await dial(server.port, impatient);
    await eventually(() => expect(nonces(server).length).toBeGreaterThanOrEqual(3));
    expect(connection.reason).toBeNull();
  });

  test("that subscribes in RESP2 does so too", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, impatient, { protocol: 2 });
    connection.expectPushes();
    server.handle("PING", (_, connection) => connection.push(["pong", ""]));
    await eventually(() => expect(nonces(server).length).toBeGreaterThanOrEqual(3));
    expect(connection.reason).toBeNull();
  });

  test("is destroyed when the answer is that of another command", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, impatient);
    server.handle("PING", (_, connection) => connection.write(simple("OK")));
    await eventually(() => expect(connection.reason).toBeInstanceOf(ProtocolError));
    await connection.gone;
    await server.latest.closed;
  });

  test("is alive when the answer is an error such as LOADING", async () => {
    await using server = await startFakeServer({
      handlers: { PING: (_, connection) => connection.write(error("LOADING Redis is loading the dataset in memory")) },
    });
    await using connection = await dial(server.port, impatient);
    await eventually(() => expect(nonces(server).length).toBeGreaterThanOrEqual(3));
    expect(connection.reason).toBeNull();
    expect(await connection.command(["ECHO", "still in step"])).toBe("still in step");
  });

  test("is destroyed when nothing answers", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, { maxIdle: 30, replyTimeout: 50 });
    server.handle("PING", () => {});
    await eventually(() => expect(connection.reason).toBeInstanceOf(ConnectionError));
    expect(nonces(server)).toHaveLength(1);
  });
});

describe("a command without an answer", () => {
  test("rejects with TimeoutError; the connection and what else waited are lost", async () => {
    await using server = await startFakeServer({ handlers: { ECHO: () => {}, GET: () => {} } });
    await using connection = await dial(server.port, { replyTimeout: 50 });
    const [late, behind] = await Promise.allSettled([
      connection.command(["ECHO", "one"]),
      connection.command(["GET", "two"]),
    ]);
    expect(late).toMatchObject({ status: "rejected", reason: expect.any(TimeoutError) });
    expect(behind).toMatchObject({ status: "rejected", reason: expect.any(ConnectionError) });
    expect(connection.reason).toBeInstanceOf(ConnectionError);
    await server.latest.closed;
  });

  test("is dead by bytes that do not answer it, where only the reply counts", async () => {
    await using server = await startFakeServer({ handlers: { ECHO: () => {} } });
    await using connection = await dial(server.port, { replyTimeout: 200 });
    const reply = connection.command(["ECHO", "one"]);
    const chatter = setInterval(() => server.latest.push(["message", "a", "b"]), 20);
    try {
      await expect(reply).rejects.toBeInstanceOf(TimeoutError);
    } finally {
      clearInterval(chatter);
    }
  });

  test("waits on while any byte arrives, where any byte counts", async () => {
    let heard = 0;
    await using server = await startFakeServer({
      handlers: {
        ECHO: (command, connection) => {
          // Twenty bytes, each well within the limit, that together take longer than it.
          const trickle = setInterval(() => {
            connection.push(["message", "a", "b"]);
            if (++heard < 20) return;
            clearInterval(trickle);
            server.respond(command, connection);
          }, 50);
        },
      },
    });
    await using connection = await dial(server.port, { replyTimeout: 600, anyByteCounts: true });
    expect(await connection.command(["ECHO", "late"])).toBe("late");
    expect(heard).toBe(20);
  });

  test("that the process itself delayed is answered all the same", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, { replyTimeout: 200 });
    const reply = connection.command(["ECHO", "in time"]);
    await eventually(() => expect(server.received()).toContain("ECHO"));
    const end = performance.now() + 400;
    while (performance.now() < end);
    expect(await reply).toBe("in time");
  });
});

describe("a timeouts that is changed", () => {
  test("holds from then on", async () => {
    await using server = await startFakeServer();
    await using connection = await dial(server.port, { maxIdle: 60_000 });
    connection.timeouts = { ...impatient, anyByteCounts: true };
    await eventually(() => expect(nonces(server).length).toBeGreaterThanOrEqual(1));
    expect(connection.reason).toBeNull();
  });
});
