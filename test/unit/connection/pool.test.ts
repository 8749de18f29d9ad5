import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/connection/connection.ts";
import { Pool } from "../../../src/connection/pool.ts";
import { BEGINNING } from "../../../src/core/moment.ts";
import { ClosedError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { patient, settingsFor } from "./dial.ts";

/** Sends SUBSCRIBE and waits until the server has confirmed it. */
async function subscribe(connection: Connection, channel: string): Promise<void> {
  const confirmed = new Promise<void>((resolve) => {
    connection.pushes = {
      ...connection.pushes,
      confirmation: () => {
        connection.answered();
        resolve();
      },
    };
  });
  connection.subscription("SUBSCRIBE", [channel], {
    wantsText: false,
    since: 0,
    sentAt: BEGINNING,
    settle: () => true,
    lost() {},
  });
  await confirmed;
}

/** A returned connection has 100 ms to prove itself, which a busy machine may miss: returns until one is kept. */
async function keepOne(pool: Pool, lease: () => Promise<Connection>): Promise<Connection> {
  return eventually(async () => {
    const connection = await lease();
    await pool.release(connection);
    expect(pool.size).toBe(1);
    return connection;
  });
}

describe.concurrent.each([2, 3] as const)("a pool (RESP%i)", (protocol) => {
  test("gives a returned connection out again, unsubscribed from what was left", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const settings = settingsFor(server.port, { protocol });
    const connection = await keepOne(pool, async () => {
      const leased = await pool.lease(settings, patient);
      await subscribe(leased, "news");
      return leased;
    });
    expect(server.latest.subscribed).toBe(0);
    expect(await pool.lease(settings, patient)).toBe(connection);
    expect(pool.size).toBe(0);
    connection.destroy(new Error("the test is over"));
    await pool.close();
  });

  test("asks an idle connection for a sign of life before it goes out", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const settings = settingsFor(server.port, { protocol });
    const stale = await keepOne(pool, () => pool.lease(settings, patient));
    // The server hangs, as to this connection, and nobody has noticed.
    const hanging = server.latest;
    server.handle("PING", (command, connection) => {
      if (connection !== hanging) server.respond(command, connection);
    });
    const fresh = await pool.lease(settings, patient);
    expect(fresh).not.toBe(stale);
    expect(stale.reason).toBeInstanceOf(ClosedError);
    fresh.destroy(new Error("the test is over"));
    await pool.close();
  });
});

describe("a pool keeps no connection", () => {
  test("that is in doubt", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    connection.unclean = true;
    await pool.release(connection);
    expect(connection.reason).toBeInstanceOf(ClosedError);
    expect(pool.size).toBe(0);
    await server.latest.closed;
  });

  test("that still awaits a reply", async () => {
    await using server = await startFakeServer({ handlers: { ECHO: () => {} } });
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    const reply = expect(connection.command(["ECHO", "x"])).rejects.toBeInstanceOf(ClosedError);
    await pool.release(connection);
    await reply;
    expect(pool.size).toBe(0);
  });

  test("that gives no answer to the proof", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    server.handle("PING", () => {});
    await pool.release(connection);
    expect(connection.reason).toBeInstanceOf(ClosedError);
    expect(pool.size).toBe(0);
  });

  test("that answers the proof with another nonce", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    server.handle("PING", (_, connection) => connection.write("$3\r\nold\r\n"));
    await pool.release(connection);
    expect(connection.reason).not.toBeNull();
    expect(pool.size).toBe(0);
  });

  test("that the server does not unsubscribe", async () => {
    await using server = await startFakeServer({
      handlers: { UNSUBSCRIBE: (_, connection) => connection.push(["unsubscribe", "news", 1]), PUNSUBSCRIBE: () => {} },
    });
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    await subscribe(connection, "news");
    await pool.release(connection);
    expect(connection.reason).toBeInstanceOf(ClosedError);
    expect(pool.size).toBe(0);
  });

  test("that is lost already", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    server.latest.end();
    await eventually(() => expect(connection.reason).not.toBeNull());
    await pool.release(connection);
    expect(pool.size).toBe(0);
  });

  test("where it is to keep none, or is full", async () => {
    await using server = await startFakeServer();
    const none = new Pool(0, 30_000);
    await none.release(await none.lease(settingsFor(server.port), patient));
    expect(none.size).toBe(0);

    const one = new Pool(1, 30_000);
    const settings = settingsFor(server.port);
    const surplus = await one.lease(settings, patient);
    await keepOne(one, () => one.lease(settings, patient));
    await one.release(surplus);
    expect(one.size).toBe(1);
    expect(surplus.reason).toBeInstanceOf(ClosedError);
    await one.close();
  });

  test("when it was closed meanwhile", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await pool.lease(settingsFor(server.port), patient);
    await pool.close();
    await pool.release(connection);
    expect(connection.reason).toBeInstanceOf(ClosedError);
    expect(pool.size).toBe(0);
  });
});

describe("an idle connection", () => {
  test("leaves the pool after idleTimeout", async () => {
    using resources = watchResources();
    await using server = await startFakeServer();
    const pool = new Pool(8, 100);
    const connection = await keepOne(pool, () => pool.lease(settingsFor(server.port), patient));
    await eventually(() => expect(pool.size).toBe(0));
    expect(connection.reason).toBeInstanceOf(ClosedError);
    await eventually(() => expect(server.connections).toHaveLength(0));
    await resources.expectNone();
  });

  test("that was given out stays, whenever it would have left the pool", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 100);
    const [one, other] = [settingsFor(server.port), settingsFor(server.port)];
    await keepOne(pool, () => pool.lease(one, patient));
    const leased = await pool.lease(one, patient);
    // One that comes later leaves first.
    const later = await keepOne(pool, () => pool.lease(other, patient));
    await eventually(() => expect(later.reason).toBeInstanceOf(ClosedError));
    expect(leased.reason).toBeNull();
    leased.destroy(new Error("the test is over"));
    await leased.gone;
  });

  test("that is asked for a sign of life goes with the pool", async () => {
    using resources = watchResources();
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const settings = settingsFor(server.port);
    const connection = await keepOne(pool, () => pool.lease(settings, patient));
    const pings = server.received().filter((name) => name === "PING").length;
    server.handle("PING", () => {});
    const abort = new AbortController();
    const lease = pool.lease(settings, patient, abort.signal).catch((error: unknown) => error);
    await eventually(() => expect(server.received().filter((name) => name === "PING").length).toBeGreaterThan(pings));
    abort.abort();
    await pool.close();
    expect(connection.reason).toBeInstanceOf(ClosedError);
    await lease;
    await resources.expectNone();
  });

  test("leaves the pool when it dies there", async () => {
    using resources = watchResources();
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const settings = settingsFor(server.port);
    const dead = await keepOne(pool, () => pool.lease(settings, patient));
    for (const connection of server.connections) connection.reset();
    await eventually(() => expect(pool.size).toBe(0));
    const fresh = await pool.lease(settings, patient);
    expect(fresh).not.toBe(dead);
    fresh.destroy(new Error("the test is over"));
    await resources.expectNone();
  });

  test("goes with the pool", async () => {
    using resources = watchResources();
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const connection = await keepOne(pool, () => pool.lease(settingsFor(server.port), patient));
    await pool.close();
    expect(pool.size).toBe(0);
    expect(connection.reason).toBeInstanceOf(ClosedError);
    await resources.expectNone();
  });

  test("serves only those of its own settings", async () => {
    await using server = await startFakeServer();
    const pool = new Pool(8, 30_000);
    const [one, other] = [settingsFor(server.port), settingsFor(server.port)];
    const connection = await keepOne(pool, () => pool.lease(one, patient));
    const another = await pool.lease(other, patient);
    expect(another).not.toBe(connection);
    expect(pool.size).toBe(1);
    another.destroy(new Error("the test is over"));
    await pool.close();
  });
});
