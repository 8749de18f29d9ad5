import { describe, expect, test } from "vitest";
import { type Credentials, constantDelay, Redis, TimeoutError } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { reasonOf, record } from "./outcome.ts";

const soon = constantDelay({ delay: 5 });

describe("a command's time", () => {
  test("counts from the call, the wait for a connection included", async () => {
    const [WAIT, TIMEOUT] = [2000, 3000];
    await using fake = await startFakeServer({
      handlers: {
        ECHO: () => {},
        HELLO: (command, connection) => {
          setTimeout(() => fake.respond(command, connection), WAIT);
        },
      },
    });
    await using client = new Redis(fake.url, { commandTimeout: TIMEOUT });
    expect(await reasonOf(client.call("ECHO", "x"))).toBeInstanceOf(TimeoutError);
    // With a time of its own after the wait it would take all of that from here on.
    const sentAt = fake.commands.find(({ name }) => name === "ECHO")?.at ?? 0;
    expect(Date.now() - sentAt).toBeLessThan(TIMEOUT - WAIT / 4);
  });
});

describe("a credentials provider", () => {
  test("that names a user without a password is told so, rather than logged in as somebody else", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url, {
      credentials: () => ({ username: "ann" }),
      connectTimeout: 300,
      readyTimeout: 300,
      retryPolicy: soon,
    });
    const reason = await reasonOf(client.call("ECHO", "as whom?").then(() => client.connect()));
    expect(reason).toBeInstanceOf(Error);
    expect(fake.received()).not.toContain("ECHO");
  });

  test("that answers with nothing at all fails the attempt, with the cause", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url, {
      credentials: () => undefined as unknown as Credentials,
      connectTimeout: 300,
      readyTimeout: 300,
      retryPolicy: soon,
    });
    expect(await reasonOf(client.connect())).toBeInstanceOf(Error);
    expect(client.state).not.toBe("live");
  });
});

describe("a server that ends the connection right behind the handshake", () => {
  test("gets the command that waited on the next connection", async () => {
    await using fake = await startFakeServer({
      handlers: {
        CLIENT: (command, connection) => {
          fake.respond(command, connection);
          // In one piece with the last reply of the handshake.
          if (connection.id === 0 && command.args[1] === "LIB-VER") connection.write("-ERR unasked\r\n");
        },
      },
    });
    await using client = new Redis(fake.url, { retryPolicy: soon });
    const outcome = await client.call("ECHO", "x").catch((reason: unknown) => reason);
    const echoes = fake.commands.filter(({ name }) => name === "ECHO").length;
    // Sent or not, it is never said to be in doubt where nothing of it was sent.
    expect([outcome, echoes]).toEqual(["x", 1]);
  });
});

describe("a client that lost its server", () => {
  test("stays with it: it goes on trying though nobody waits, and is live again by itself", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url, { retryPolicy: soon });
    const events = record(client);
    await client.connect();
    fake.handle("HELLO", (_, connection) => connection.reset());
    fake.latest.reset();
    await eventually(() => expect(fake.accepted.length).toBeGreaterThanOrEqual(5));
    expect(client.state).toBe("reconnecting");
    fake.handle("HELLO", undefined);
    await eventually(() => expect(client.state).toBe("live"));
    expect(events.slice(-2)).toEqual(["connect", "ready"]);
    expect(events).not.toContain("error");
  });

  test("waits longer and longer between attempts", async () => {
    await using fake = await startFakeServer({ handlers: { HELLO: (_, connection) => connection.reset() } });
    const waits: number[] = [];
    await using client = new Redis(fake.url, {
      retryPolicy: (attempt) => attempt * 2,
      connectTimeout: 500,
      readyTimeout: 500,
    });
    client.on("reconnecting", ({ delay }) => waits.push(delay));
    // A busy machine may not come to many attempts in that time.
    await eventually(async () => {
      waits.length = 0;
      expect(await reasonOf(client.connect())).toBeInstanceOf(TimeoutError);
      expect(waits.length).toBeGreaterThan(3);
    });
    expect(waits).toEqual(waits.map((_, index) => (index + 1) * 2));
    // Nobody waits any more: it rests.
    const attempts = fake.accepted.length;
    expect(client.state).toBe("idle");
    await eventually(() => expect(fake.connections).toHaveLength(0));
    expect(fake.accepted).toHaveLength(attempts);
  });
});
